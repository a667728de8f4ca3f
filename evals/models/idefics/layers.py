"""What the vision tower, the resampler and the decoder are made of.

Shapes: n tokens (of all rows, one after the other), d width, h heads, e head size. Everything is
inference only: no dropout, no gradient. Numerics follow transformers' `modeling_idefics.py`, the
oracle.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evals.models.idefics.config import Activation
from evals.models.idefics.linear import Linear, multiply_packed, pack_weight

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
}
TOKENS_AT_ONCE = 1024
"""Of a feed-forward on a CPU."""


class RMSNorm(nn.Module):
    """Scale by the root mean square, taken in float32 whatever the weights' type."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class GatedFeedForward(nn.Module):
    """LLaMA's feed-forward (SwiGLU, Shazeer 2020)."""

    def __init__(self, width: int, inner: int, *, activation: Activation) -> None:
        super().__init__()
        self.gate_up = Linear(width, inner, inner, names=("gate_proj", "up_proj"))
        self.down_proj = Linear(inner, width)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        """Turn (n, d) into (n, d), some tokens at a time: what is in between stays in the cache."""
        if x.device.type != "cpu" or len(x) <= TOKENS_AT_ONCE:
            return self._run(x)
        return torch.cat([self._run(part) for part in torch.split(x, TOKENS_AT_ONCE)])

    def _run(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        y: Tensor = self.down_proj(self.activation(gate).mul_(up))
        return y


class DecoupledEmbedding(nn.Module):
    """LLaMA's frozen rows and the few that IDEFICS adds, in two tables: ids run on."""

    def __init__(self, num_rows: int, num_additional: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_rows, width))
        self.additional_embedding = nn.Embedding(num_additional, width) if num_additional else None

    def forward(self, ids: Tensor) -> Tensor:
        if self.additional_embedding is None:
            return F.embedding(ids, self.weight)
        num_rows = self.weight.shape[0]
        base = F.embedding(ids.clamp(max=num_rows - 1), self.weight)
        additional = self.additional_embedding((ids - num_rows).clamp(min=0))
        return torch.where((ids >= num_rows)[..., None], additional, base)


class DecoupledHead(nn.Module):
    """The logits of LLaMA's vocabulary and of the added ids, from two matrices."""

    def __init__(self, num_rows: int, num_additional: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_rows, width))
        self.additional_fc = (
            nn.Linear(width, num_additional, bias=False) if num_additional else None
        )
        self.packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Turn (r, d) into (r, v)."""
        if self.packed is not None:
            return multiply_packed(x, self.packed)
        tables = self._tables()
        widths = [len(table) for table in tables]
        y = x.new_empty(len(x), sum(widths))
        for table, part in zip(tables, y.split_with_sizes(widths, dim=1), strict=True):
            torch.mm(x, table.t(), out=part)
        return y

    def pack(self) -> None:
        """Lay both matrices out as one, as `Linear.pack` does."""
        self.packed = pack_weight(torch.cat(self._tables()))
        if self.packed is not None:
            del self.weight
            self.additional_fc = None

    def _tables(self) -> list[Tensor]:
        added = [] if self.additional_fc is None else [self.additional_fc.weight]
        return [self.weight, *added]


Rope = tuple[Tensor, Tensor]
"""The cosines and the sines of some positions, (n, 1, e / 2) each."""


def rope_angles(positions: Tensor, head_dim: int, *, theta: float, dtype: torch.dtype) -> Rope:
    """Return the cosines and sines of `positions` (n,) in `dtype`.

    Angles are taken in float32 even for a bfloat16 model, as LLaMA does.
    """
    exponents = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32)
    frequencies = 1 / theta ** (exponents / head_dim)
    angles = (positions[:, None].float() * frequencies)[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate_(x: Tensor, rope: Rope) -> Tensor:
    """Rotate (n, h, e) by its positions, in place; a head's halves are paired, as in LLaMA."""
    cos, sin = rope
    first, second = x.chunk(2, dim=-1)
    kept = first * sin
    first.mul_(cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).add_(kept)
    return x
