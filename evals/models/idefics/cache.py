"""What a batch remembers between steps: keys and values of its tokens and of its pictures.

Rows are filled from the left and padded on the right, so positions are indices and nothing
shifts. Shapes: b rows, h heads, t room for tokens, e head size, i pictures, l latents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evals.models.idefics.config import IdeficsConfig


@dataclass(slots=True)
class KeyValues:
    keys: Tensor
    values: Tensor

    def select(self, index: Tensor) -> "KeyValues":
        """Return copies of the entries along the first axis."""
        return KeyValues(self.keys[index], self.values[index])

    def write(self, keys: Tensor, values: Tensor, positions: Tensor) -> None:
        """Put (b, h, s, e) at `positions` (b, s) of each row."""
        rows = torch.arange(len(positions), device=positions.device)[:, None]
        self.keys[rows, :, positions] = keys.transpose(1, 2)
        self.values[rows, :, positions] = values.transpose(1, 2)


@dataclass(slots=True)
class Cache:
    tokens: list[KeyValues]
    """A language layer each: (b, h, t, e)."""
    images: list[KeyValues] = field(default_factory=list)
    """A gated layer each: (i, h, l, e) of the pictures that tokens to come look at."""

    def select(self, rows: Sequence[int]) -> "Cache":
        """Return a cache of these rows: some finished, beams moved, choices branched off."""
        index = torch.tensor(rows, dtype=torch.long, device=self.tokens[0].keys.device)
        return Cache([layer.select(index) for layer in self.tokens], self.images)


def new_cache(config: IdeficsConfig, *, num_rows: int, num_tokens: int, like: Tensor) -> Cache:
    """Return an empty cache with `like`'s type and device.

    Zeros, not empty memory: a masked position's value is still multiplied by its zero weight,
    and zero times NaN is NaN.
    """
    shape = (num_rows, config.num_heads, num_tokens, config.head_dim)
    return Cache(
        [KeyValues(like.new_zeros(shape), like.new_zeros(shape)) for _ in range(config.num_layers)]
    )
