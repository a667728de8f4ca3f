"""transformers' `IdeficsProcessor`, and prompts in the form that it takes.

Two of its parts are stood in for: the tokenizer is tokenizer.json as it stands (`AutoTokenizer`
may rebuild it), and pictures go through PIL (the default image processor wants torchvision, whose
resize gives other pixels).
"""

from pathlib import Path
from urllib.parse import urlparse

from PIL.Image import Image as PilImage
from torch import Tensor
from transformers import IdeficsProcessor, PreTrainedTokenizerFast
from transformers.models.idefics.image_processing_pil_idefics import IdeficsImageProcessorPil

from evals.errors import PromptError
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.images import read_image_processor
from evals.models.idefics.pixels import open_image, to_rgb
from evals.models.idefics.tokens import read_tokenizer
from evals.types import IMAGE_TOKENS, Image, Prompt, Text


def load_processor(folder: Path, config: IdeficsConfig) -> IdeficsProcessor:
    """Read a checkpoint's tokenizer.json and preprocessor_config.json.

    Raises:
        CheckpointError: one is missing or malformed.
    """
    tokens = read_tokenizer(folder, vocab_size=config.total_vocab_size)
    images = read_image_processor(folder, config)
    image_processor = IdeficsImageProcessorPil(
        image_size=images.size, image_mean=list(images.mean), image_std=list(images.std)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        bos_token=tokens.bos,
        eos_token=tokens.eos,
        unk_token="<unk>",
        pad_token="<unk>",
        padding_side="left",
        additional_special_tokens=list(IMAGE_TOKENS),
    )
    return IdeficsProcessor(image_processor, tokenizer, image_size=images.size)


def process(prompt: Prompt, processor: IdeficsProcessor) -> dict[str, Tensor]:
    """Return the processor's tensors for one prompt.

    Raises:
        PromptError: it would take a text for something else.
    """
    pieces = [_to_piece(part) for part in prompt]
    # It decides about <end_of_utterance> by itself unless told not to.
    inputs = processor(text=[pieces], add_end_of_utterance_token=False, padding="longest")
    return dict(inputs.items())


def decode(image: Image) -> PilImage:
    return to_rgb(open_image(image), name=str(image))


def _to_piece(part: Text | Image) -> str | PilImage:
    """Return a segment as the processor takes it, if it would take it for what it is."""
    if isinstance(part, Image):
        return decode(part)
    text = part.text.strip(" ")
    address = urlparse(text)
    if " " not in text and address.scheme and address.netloc:
        raise PromptError(f"transformers takes the text {text!r} for a picture's URL")
    if any(token in text for token in IMAGE_TOKENS):
        raise PromptError(f"transformers takes the image tokens in {text!r} for a picture")
    return text
