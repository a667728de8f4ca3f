"""The decoder's two kinds of layer: LLaMA's, and the gated cross-attention before some of them.

Gated cross-attention is Flamingo's (Alayrac et al. 2022, section 2.2): both its branches are
scaled by the tanh of a learnt gate. In IDEFICS a token that looks at no picture gets nothing from
the attention, but its gated feed-forward still runs.
Shapes: b rows, s positions, d width, h heads, e head size; g, m as in groups.py.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evals.models.idefics.cache import KeyValues
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.groups import ImageGroups
from evals.models.idefics.layers import (
    GatedFeedForward,
    RMSNorm,
    Rope,
    join_heads,
    rotate,
    split_heads,
)


@dataclass(frozen=True, slots=True)
class Step:
    """Where the tokens of one forward pass stand."""

    positions: Tensor
    """(b, s)"""
    rope: Rope
    groups: ImageGroups
    visible: Tensor | None
    """(b, 1, s, t): which of the cached positions each token sees. `None` for the first pass,
    in which each token sees those before it and itself, and nothing is cached before them."""


class DecoderLayer(nn.Module):
    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.self_attn = _SelfAttention(config)
        self.post_attention_layernorm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.mlp = GatedFeedForward(
            config.width, config.intermediate_size, activation=config.activation
        )

    def forward(self, x: Tensor, step: Step, cache: KeyValues) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), step, cache)
        y: Tensor = x + self.mlp(self.post_attention_layernorm(x))
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

    def forward(self, x: Tensor, groups: ImageGroups, images: KeyValues) -> Tensor:
        seen = self.cross_attn(self.input_layernorm(x), groups, images)
        x = x + self.alpha_cross_attn.tanh() * seen
        y: Tensor = x + self.alpha_dense.tanh() * self.mlp(self.post_attention_layernorm(x))
        return y


class _SelfAttention(nn.Module):
    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        self.q_proj = nn.Linear(config.width, config.width, bias=False)
        self.k_proj = nn.Linear(config.width, config.width, bias=False)
        self.v_proj = nn.Linear(config.width, config.width, bias=False)
        self.o_proj = nn.Linear(config.width, config.width, bias=False)
        self.num_heads = config.num_heads

    def forward(self, x: Tensor, step: Step, cache: KeyValues) -> Tensor:
        q, k, v = (
            split_heads(projection(x), self.num_heads)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, step.rope), rotate(k, step.rope)
        cache.write(k, v, step.positions)
        if step.visible is None:
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            num_cached = step.visible.shape[-1]
            k, v = cache.keys[:, :, :num_cached], cache.values[:, :, :num_cached]
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=step.visible)
        y: Tensor = self.o_proj(join_heads(attended))
        return y


class _CrossAttention(nn.Module):
    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        self.q_proj = nn.Linear(config.width, config.width, bias=False)
        self.k_proj = nn.Linear(config.vision.width, config.width, bias=False)
        self.v_proj = nn.Linear(config.vision.width, config.width, bias=False)
        self.o_proj = nn.Linear(config.width, config.width, bias=False)
        if config.qk_norm:
            self.q_layer_norm = RMSNorm(config.head_dim, eps=config.rms_norm_eps)
            self.k_layer_norm = RMSNorm(config.head_dim, eps=config.rms_norm_eps)
        self.config = config

    def project_images(self, latents: Tensor) -> KeyValues:
        """Turn latents (i, l, d) into keys and values (i, h, l, e): once, not at every token."""
        k = split_heads(self.k_proj(latents), self.config.num_heads)
        v = split_heads(self.v_proj(latents), self.config.num_heads)
        return KeyValues(self.k_layer_norm(k) if self.config.qk_norm else k, v)

    def forward(self, x: Tensor, groups: ImageGroups, images: KeyValues) -> Tensor:
        """Return what each token (b, s, d) sees; zeros for one that looks at no picture."""
        seen = torch.zeros_like(x)
        if not len(groups.images):
            return seen
        q = split_heads(self.q_proj(x.flatten(0, 1)[groups.members]), self.config.num_heads)
        q = self.q_layer_norm(q) if self.config.qk_norm else q
        kv = images.select(groups.images)
        attended = join_heads(F.scaled_dot_product_attention(q, kv.keys, kv.values))
        seen.flatten(0, 1)[groups.tokens] = self.o_proj(attended.flatten(0, 1)[groups.slots])
        return seen
