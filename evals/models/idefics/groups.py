"""Which picture each token looks at: the mask of IDEFICS's cross-attention, as groups.

A text token attends to one picture only, the last before it (no config says so; the mask is made
by transformers' `IdeficsProcessor`). So instead of attending to all pictures under a mask, the
tokens of all rows that look at the same picture form a group, and each group attends to its own
picture's latents: no mask, and no work for the other pictures.
Shapes: b rows, s positions, g groups (one a picture), m tokens of the largest group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NO_IMAGE = -1


@dataclass(frozen=True, slots=True)
class ImageGroups:
    """Tokens are counted through all rows: row * s + position."""

    images: Tensor
    """(g,): which of the latents each group looks at."""
    members: Tensor
    """(g, m): the tokens of each group; filled up with token 0."""
    slots: Tensor
    """(n,): the entries of `members`, flattened, that are no filling."""
    tokens: Tensor
    """(n,): the tokens in these entries."""


def find_images(ids: Sequence[int], *, image_id: int, eos_id: int) -> list[int]:
    """Return for each token the picture it looks at, `NO_IMAGE` for none.

    `<image>` itself looks at its picture; text before the first sees none, nor does text after
    an EOS, until the next `<image>`.
    """
    images = []
    current, last = NO_IMAGE, NO_IMAGE
    for token in ids:
        if token == image_id:
            last += 1
            current = last
        images.append(current)
        if token == eos_id:
            current = NO_IMAGE
    return images


def group_by_image(image_of_token: Tensor, *, device: torch.device) -> ImageGroups:
    """Group the tokens of a batch (b, s) by the picture in the latents that they look at."""
    flat = image_of_token.flatten()
    seeing = (flat != NO_IMAGE).nonzero()[:, 0]
    order = flat[seeing].argsort(stable=True)
    tokens = seeing[order]
    counts = flat[tokens].bincount()
    images = counts.nonzero()[:, 0]
    counts = counts[images]
    largest = int(counts.max()) if len(counts) else 0
    group_of = torch.arange(len(images)).repeat_interleave(counts)
    rank = torch.arange(len(tokens)) - (counts.cumsum(0) - counts)[group_of]
    slots = group_of * largest + rank
    members = torch.zeros(len(images) * largest, dtype=torch.long)
    members[slots] = tokens
    return ImageGroups(
        images=images.to(device),
        members=members.view(len(images), largest).to(device),
        slots=slots.to(device),
        tokens=tokens.to(device),
    )
