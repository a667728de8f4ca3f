"""What the vision tower, the resampler and the decoder are made of.

Shapes: b rows, s positions, d width, h heads, e head size. Everything is inference only: no
dropout, no gradient. Numerics follow transformers' `modeling_idefics.py`, the oracle.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evals.models.idefics.config import Activation

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
}


class RMSNorm(nn.Module):
    """Scale by the root mean square, taken in float32 whatever the weights' type."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        variance = x.float().pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + self.eps)).to(self.weight.dtype)


class GatedFeedForward(nn.Module):
    """LLaMA's feed-forward (SwiGLU, Shazeer 2020)."""

    def __init__(self, width: int, inner: int, *, activation: Activation) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))
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

    def forward(self, x: Tensor) -> Tensor:
        base = F.linear(x, self.weight)
        if self.additional_fc is None:
            return base
        return torch.cat((base, self.additional_fc(x)), dim=-1)


Rope = tuple[Tensor, Tensor]
"""The cosines and the sines of some positions."""


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Turn (b, s, h*e) into (b, h, s, e)."""
    b, s, d = x.shape
    return x.view(b, s, num_heads, d // num_heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """Turn (b, h, s, e) into (b, s, h*e)."""
    return x.transpose(1, 2).flatten(2)


def rope_angles(positions: Tensor, head_dim: int, *, theta: float, dtype: torch.dtype) -> Rope:
    """Return the cosines and sines of `positions` (b, s), each (b, 1, s, e) in `dtype`.

    Angles are taken in float32 even for a bfloat16 model, as LLaMA does.
    """
    exponents = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32)
    frequencies = 1 / theta ** (exponents / head_dim)
    angles = positions[..., None].float() * frequencies
    angles = torch.cat((angles, angles), dim=-1)[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, rope: Rope) -> Tensor:
    """Rotate (b, h, s, e) by its positions; the halves of a head are paired, as in LLaMA."""
    cos, sin = rope
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
