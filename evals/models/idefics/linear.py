"""Matrices, and what multiplies by them.

On a CPU torch gives products to MKL. oneDNN, which torch brings along, is faster once a weight is
laid out for it: 1.15 times for thousands of tokens, 1.3 times for 64, twice for the head (float32
on two cores of an EPYC; the same holds of no other device). torch's own compiler does the same,
with the same private operators; where they are missing, `F.linear` serves.

Of a matrix that several processes share, each holds some rows, or some columns (`sharding.py`);
its weight may be quantised (`quantising.py`).
Shapes: n tokens, d width of the input, o of the output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Share:
    """What a process holds of a matrix: the `part`-th of `count` equal parts."""

    dim: int
    """0: some rows, and gives some of the output. 1: some columns, and reads some of the input."""
    part: int
    count: int
    group: dist.ProcessGroup
    """The processes."""

    def add_up(self, x: Tensor) -> None:
        """Add, in place, what the other processes have."""
        dist.all_reduce(x, group=self.group)

    def find_largest(self, x: Tensor) -> None:
        """Replace each value by the largest that a process has."""
        dist.all_reduce(x, dist.ReduceOp.MAX, group=self.group)

    def cut(self, length: int) -> slice:
        """Return what part it is of so many rows or columns."""
        size = length // self.count
        return slice(self.part * size, (self.part + 1) * size)


class Linear(nn.Linear):
    """One matrix, or several that read the same input, stacked: fewer and larger products.

    In a checkpoint the several are apart, under `names`; `weights.py` puts each in its rows.
    It is torch's own class for `parallelize_module`, which shards that and no other.
    """

    bias: nn.Parameter | None  # type: ignore[assignment]

    def __init__(
        self, width_in: int, *widths_out: int, names: Sequence[str] = (), bias: bool = False
    ) -> None:
        super().__init__(width_in, sum(widths_out), bias=bias)
        ends = list(accumulate(widths_out, initial=0))
        self.rows = {name: slice(*ends) for name, ends in zip(names, pairwise(ends), strict=False)}
        self.packed: Tensor | None = None
        self.share: Share | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Turn (..., d) into (..., o)."""
        if self.share is None or self.share.dim == 0:
            return self._multiply(x, self.bias)
        y = self._multiply(x, None)
        self.share.add_up(y)
        return y if self.bias is None else y.add_(self.bias)

    def _multiply(self, x: Tensor, bias: Tensor | None) -> Tensor:
        if self.packed is None:
            return F.linear(x, self.weight, bias)
        return multiply_packed(x, self.packed, bias)

    def pack(self) -> None:
        """Lay the weight out for this machine, if that helps; it cannot be read any more then."""
        self.packed = pack_weight(self.weight)
        if self.packed is not None:
            del self.weight


def pack_weight(weight: Tensor) -> Tensor | None:
    """Return a weight (o, d) laid out for `multiply_packed`; `None` where that is not to be had."""
    if weight.device.type != "cpu" or _REORDER is None or _MULTIPLY is None:
        return None
    if is_quantised(weight):
        return None
    if weight.dtype == torch.bfloat16:
        known = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
        if known is None or not known():
            return None
    elif weight.dtype != torch.float32:
        return None
    packed: Tensor = _REORDER(weight)
    return packed


def is_quantised(weight: Tensor) -> bool:
    """Whether it is one of torchao's tensors, which multiply in their own way."""
    return type(weight.data) is not Tensor


def multiply_packed(x: Tensor, packed: Tensor, bias: Tensor | None = None) -> Tensor:
    """Turn (..., d) into (..., o)."""
    assert _MULTIPLY is not None
    y: Tensor = _MULTIPLY(x, packed, bias, "none", [], "")
    return y


_REORDER = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_MULTIPLY = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
