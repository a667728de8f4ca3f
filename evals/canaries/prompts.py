"""A few prompts of all sorts, about pictures that are drawn: no data set is needed."""

import io

import numpy as np
from PIL import Image as Pil

from evals.prompts import build_prompt
from evals.types import Decoding, GenerateRequest, Image, LogLikelihoodRequest, Prompt, Text

CHOICES = (" yes", " no", " a small red ball", " two dogs on the street")
INSTRUCTION = "Instruction: provide an answer to the question. Use the image to answer.\n"
_SIZE, _CELLS = 96, 6


def draw_picture(seed: int) -> Image:
    """Draw coloured tiles; another seed, another picture."""
    tiles = np.random.default_rng(seed).integers(0, 256, (_CELLS, _CELLS, 3), dtype=np.uint8)
    return _encode(Pil.fromarray(tiles).resize((_SIZE, _SIZE), Pil.Resampling.NEAREST))


def draw_blank() -> Image:
    return _encode(Pil.new("RGB", (_SIZE, _SIZE), (128, 128, 128)))


def make_prompt(*shown: Image, query: Image, num_words: int = 4) -> Prompt:
    """Return a prompt with a demonstration for each picture shown, then the query."""
    words = " ".join(["very"] * num_words)
    parts: list[Text | Image] = [Text(INSTRUCTION)]
    for index, picture in enumerate(shown):
        answer = ("yes", "a red ball", "two")[index % 3]
        question = f"Question: What is this {words} thing? Answer: {answer}\n"
        parts += [Text("Image:"), picture, Text(question)]
    return build_prompt([*parts, Text("Image:"), query, Text("Question: What is it? Answer:")])


def make_prompts() -> list[Prompt]:
    """Return prompts of unlike lengths: with none to three demonstrations, and without pictures."""
    pictures = [draw_picture(seed) for seed in range(6)]
    return [
        *(
            make_prompt(*pictures[:count], query=pictures[5 - count], num_words=1 + 7 * count)
            for count in range(4)
        ),
        make_prompt(pictures[2], query=pictures[2]),
        (Text("Question: What do dogs eat? Answer:"),),
    ]


def make_scoring(prompts: list[Prompt]) -> list[LogLikelihoodRequest]:
    return [
        LogLikelihoodRequest(str(index), prompt, CHOICES) for index, prompt in enumerate(prompts)
    ]


def make_generating(prompts: list[Prompt]) -> list[GenerateRequest]:
    return [
        GenerateRequest(str(index), prompt, Decoding(max_new_tokens=8))
        for index, prompt in enumerate(prompts)
    ]


def _encode(picture: Pil.Image) -> Image:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Image(file.getvalue())
