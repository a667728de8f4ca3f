"""The decoder's two kinds of layer: LLaMA's, and the gated cross-attention before some of them.

Gated cross-attention is Flamingo's (Alayrac et al. 2022, section 2.2): both its branches are
scaled by the tanh of a learnt gate. In IDEFICS a token that looks at no picture gets nothing from
the attention, but its gated feed-forward still runs.
How many heads there are is read from what the matrices give: of a model that several processes
share, each has some of them.
Shapes: n tokens of all rows, r tokens that are read, d width, h heads, e head size, i pictures,
l latents; g, m as in groups.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evals.models.idefics.attention import Attend
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.groups import Groups
from evals.models.idefics.layers import (
    GatedFeedForward,
    RMSNorm,
    Rope,
    rotate_,
)
from evals.models.idefics.linear import Linear


@dataclass(frozen=True, slots=True)
class Seen:
    """Which pictures the tokens of a step look at."""

    groups: Groups
    images: Sequence[Tensor]
    """Of each gated layer (g, 2, l, h, e): keys and values of each group's picture."""
    blind: Tensor | None = None
    """(n, 1, 1): zero for tokens that look at none although a group has them."""

    def to(self, device: torch.device) -> "Seen":
        """Return it for layers on another device; their pictures are there."""
        blind = None if self.blind is None else self.blind.to(device)
        return Seen(self.groups.to(device), self.images, blind)

    def attend(self, layer: int, q: Tensor) -> Tensor:
        """Return what each query (n, h, e) sees; zeros for one that looks at no picture."""
        keys, values = self.images[layer].transpose(2, 3).unbind(1)
        seen = F.scaled_dot_product_attention(self.groups.gather(q), keys, values)
        y = self.groups.scatter(seen, len(q))
        return y if self.blind is None else y * self.blind


class DecoderLayer(nn.Module):
    def __init__(self, config: IdeficsConfig, *, is_last: bool) -> None:
        """Build; of the last layer's tokens, most are wanted for their keys and values only."""
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.self_attn = _SelfAttention(config, is_last=is_last)
        self.post_attention_layernorm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.mlp = GatedFeedForward(
            config.width, config.intermediate_size, activation=config.activation
        )

    def forward(
        self, x: Tensor, rope: Rope, attend: Attend, index: int, *, read: Tensor | None = None
    ) -> Tensor:
        """Turn (n, d) into (n, d).

        With `read` (r,), which is for the last layer, into (r, d): all tokens give keys and
        values, but only these go on.
        """
        normed = self.input_layernorm(x)
        x = x if read is None else x[read]
        x = x + self.self_attn(normed, rope, attend, index, read=read)
        y: Tensor = x.add_(self.mlp(self.post_attention_layernorm(x)))
        return y


class GatedCrossAttentionLayer(nn.Module):
    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.cross_attn = _CrossAttention(config)
        self.alpha_cross_attn = nn.Parameter(torch.empty(config.gate_shape))
        self.post_attention_layernorm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.mlp = GatedFeedForward(
            config.width, config.intermediate_size, activation=config.activation
        )
        self.alpha_dense = nn.Parameter(torch.empty(config.gate_shape))

    def forward(self, x: Tensor, seen: Seen | None, index: int) -> Tensor:
        """Turn (n, d) into (n, d)."""
        if seen is not None:
            y = self.cross_attn(self.input_layernorm(x), seen, index)
            x = x + y.mul_(self.alpha_cross_attn.flatten().tanh())
        y = self.mlp(self.post_attention_layernorm(x))
        z: Tensor = x + y.mul_(self.alpha_dense.flatten().tanh())
        return z


class _SelfAttention(nn.Module):
    def __init__(self, config: IdeficsConfig, *, is_last: bool) -> None:
        super().__init__()
        width = config.width
        if is_last:
            self.q_proj = Linear(width, width)
            self.kv = Linear(width, width, width, names=("k_proj", "v_proj"))
        else:
            self.qkv = Linear(width, width, width, width, names=("q_proj", "k_proj", "v_proj"))
        self.is_last = is_last
        self.o_proj = Linear(width, width)
        self.heads = (-1, config.head_dim)

    def forward(
        self, x: Tensor, rope: Rope, attend: Attend, index: int, *, read: Tensor | None
    ) -> Tensor:
        if self.is_last:
            k, v = self.kv(x).unflatten(-1, (2, *self.heads)).unbind(1)
            asking, asking_rope = x, rope
            if read is not None:
                asking, asking_rope = x[read], (rope[0][read], rope[1][read])
            q = rotate_(self.q_proj(asking).unflatten(-1, self.heads), asking_rope)
            rotate_(k, rope)
        else:
            qkv = self.qkv(x).unflatten(-1, (3, *self.heads))
            rotate_(qkv[:, :2].flatten(1, 2), rope)
            q, k, v = qkv.unbind(1)
        y: Tensor = self.o_proj(attend(index, q, k, v).flatten(1))
        return y


class _CrossAttention(nn.Module):
    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        width = config.width
        self.q_proj = Linear(width, width)
        self.kv = Linear(config.vision.width, width, width, names=("k_proj", "v_proj"))
        self.o_proj = Linear(width, width)
        self.heads = (-1, config.head_dim)
        if config.qk_norm:
            self.q_layer_norm = RMSNorm(config.head_dim, eps=config.rms_norm_eps)
            self.k_layer_norm = RMSNorm(config.head_dim, eps=config.rms_norm_eps)
        self.qk_norm = config.qk_norm

    def project_images(self, latents: Tensor) -> Tensor:
        """Turn latents (i, l, d) into keys and values (i, 2, l, h, e): once a picture."""
        k, v = self.kv(latents).unflatten(-1, (2, *self.heads)).unbind(2)
        return torch.stack((self.k_layer_norm(k) if self.qk_norm else k, v), dim=1)

    def forward(self, x: Tensor, seen: Seen, index: int) -> Tensor:
        q = self.q_proj(x).unflatten(-1, self.heads)
        q = self.q_layer_norm(q) if self.qk_norm else q
        y: Tensor = self.o_proj(seen.attend(index, q).flatten(1))
        return y
