"""What the network makes of pictures and prompts, for RICES and the canaries, who look inside."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from evals.models.idefics.batch import Memory
from evals.models.idefics.pictures import Pictures
from evals.models.idefics.prefix import read_states
from evals.models.idefics.tokens import EncodedPrompt
from evals.types import Image

WINDOW = 512
"""Pictures that are decoded ahead together."""


def pool_images(
    images: Iterable[Image], memory: Memory, pictures: Pictures
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield each picture's pooled class token (d,), float32, of length one.

    Raises:
        torch.OutOfMemoryError: not even one picture at a time fits.
    """

    @torch.inference_mode()
    def pool(batch: Sequence[Image]) -> npt.NDArray[np.float32]:
        pixels = pictures.pixels(batch)
        with memory.tell("pool", pixels):
            pooled = memory.model.pool_images(pixels).float()
        features: npt.NDArray[np.float32] = (
            torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        )
        return features

    iterator = iter(images)
    while window := list(islice(iterator, WINDOW)):
        pictures.prefetch(window)
        for features in pictures.in_batches(window, pool):
            yield from features


@torch.inference_mode()
def states_before_pictures(prompt: EncodedPrompt, memory: Memory) -> npt.NDArray[np.float32]:
    """Return the final hidden states (n, d) of a prompt's tokens before its first picture.

    Raises:
        ValueError: it shows none.
    """
    if not prompt.images:
        raise ValueError("a prompt without pictures has no tokens before its first")
    with memory.tell("states", prompt):
        hidden = read_states(memory.model, memory.projections, prompt)
    states: npt.NDArray[np.float32] = hidden[: prompt.image_of_token.index(0)].float().cpu().numpy()
    return states
