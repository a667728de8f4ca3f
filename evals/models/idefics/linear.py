"""Matrices, and what multiplies by them.

On a CPU torch gives products to MKL. oneDNN, which torch brings along, is faster once a weight is
laid out for it: 1.15 times for thousands of tokens, 1.3 times for 64, twice for the head (float32
on two cores of an EPYC; the same holds of no other device). torch's own compiler does the same,
with the same private operators; where they are missing, `F.linear` serves.
Shapes: n tokens, d width of the input, o of the output.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """One matrix, or several that read the same input, stacked: fewer and larger products.

    In a checkpoint the several are apart, under `names`; `weights.py` puts each in its rows.
    """

    def __init__(
        self, width_in: int, *widths_out: int, names: Sequence[str] = (), bias: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sum(widths_out), width_in))
        self.bias = nn.Parameter(torch.empty(sum(widths_out))) if bias else None
        ends = list(accumulate(widths_out, initial=0))
        self.rows = {name: slice(*ends) for name, ends in zip(names, pairwise(ends), strict=False)}
        self.packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Turn (..., d) into (..., o)."""
        if self.packed is None:
            return F.linear(x, self.weight, self.bias)
        return multiply_packed(x, self.packed, self.bias)

    def pack(self) -> None:
        """Lay the weight out for this machine, if that helps; it cannot be read any more then."""
        self.packed = pack_weight(self.weight)
        if self.packed is not None:
            del self.weight


def pack_weight(weight: Tensor) -> Tensor | None:
    """Return a weight (o, d) laid out for `multiply_packed`; `None` where that is not to be had."""
    if weight.device.type != "cpu" or _REORDER is None or _MULTIPLY is None:
        return None
    if weight.dtype == torch.bfloat16:
        known = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
        if known is None or not known():
            return None
    elif weight.dtype != torch.float32:
        return None
    packed: Tensor = _REORDER(weight)
    return packed


def multiply_packed(x: Tensor, packed: Tensor, bias: Tensor | None = None) -> Tensor:
    """Turn (..., d) into (..., o)."""
    assert _MULTIPLY is not None
    y: Tensor = _MULTIPLY(x, packed, bias, "none", [], "")
    return y


_REORDER = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_MULTIPLY = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
