"""Memory for keys and values, taken once and divided anew for every batch.

It is zeroed when it is taken and holds finite numbers ever after: a masked position's value is
still multiplied by its weight of zero, and zero times NaN is NaN.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from evals.models.idefics.attention import KeyValues


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What is kept of one token."""

    devices: tuple[torch.device, ...]
    """Of each language layer."""
    num_heads: int
    """That this process computes."""
    head_dim: int
    dtype: torch.dtype

    def count_token_bytes(self) -> Mapping[torch.device, int]:
        """Return what the keys and values of one token take on each device."""
        layer = 2 * self.num_heads * self.head_dim * self.dtype.itemsize
        return {device: layer * count for device, count in Counter(self.devices).items()}


class CacheMemory:
    """Grows to the largest batch that asked for it."""

    def __init__(self, shape: CacheShape) -> None:
        self._shape = shape
        self._flat = {
            device: torch.zeros(0, device=device, dtype=shape.dtype) for device in shape.devices
        }

    def divide(self, num_rows: int, num_tokens: int) -> list[KeyValues]:
        """Return room for the keys and values of each language layer, (rows, tokens, h, e).

        What was divided before must not be used any more.
        """
        shape = self._shape
        lot = (2, num_rows, num_tokens, shape.num_heads, shape.head_dim)
        size = math.prod(lot)
        free = {
            device: iter(self._take(device, count * size)[: count * size].view(count, *lot))
            for device, count in Counter(shape.devices).items()
        }
        return [KeyValues(*next(free[device]).unbind(0)) for device in shape.devices]

    def release(self) -> None:
        """Let go of all memory; what was divided must not be used any more."""
        for device, flat in self._flat.items():
            self._flat[device] = flat.new_zeros(0)

    def _take(self, device: torch.device, size: int) -> Tensor:
        flat = self._flat[device]
        if size > len(flat):
            self._flat[device] = flat.new_zeros(0)  # lets go of the old before taking the new
            flat = self._flat[device] = flat.new_zeros(size)
        return flat
