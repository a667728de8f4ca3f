"""Memory for keys and values, taken once and divided anew for every batch.

It is zeroed when it is taken and holds finite numbers ever after: a masked position's value is
still multiplied by its weight of zero, and zero times NaN is NaN.
"""

import math

import torch

from evals.models.idefics.attention import KeyValues
from evals.models.idefics.config import IdeficsConfig


class CacheMemory:
    """Grows to the largest batch that asked for it."""

    def __init__(self, config: IdeficsConfig, *, device: torch.device, dtype: torch.dtype) -> None:
        self._config = config
        self._flat = torch.zeros(0, device=device, dtype=dtype)

    def divide(self, num_rows: int, num_tokens: int) -> list[KeyValues]:
        """Return room for the keys and values of each language layer, (rows, tokens, h, e).

        What was divided before must not be used any more.
        """
        config = self._config
        shape = (config.num_layers, 2, num_rows, num_tokens, config.num_heads, config.head_dim)
        size = math.prod(shape)
        if size > len(self._flat):
            like = self._flat
            self._flat = like.new_zeros(0)  # lets go of the old before taking the new
            self._flat = like.new_zeros(size)
        return [KeyValues(*layer.unbind(0)) for layer in self._flat[:size].view(shape)]


def count_token_bytes(config: IdeficsConfig, dtype: torch.dtype) -> int:
    """Return what the keys and values of one token take."""
    return 2 * config.num_layers * config.width * dtype.itemsize
