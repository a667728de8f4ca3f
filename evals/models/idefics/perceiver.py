"""The perceiver resampler (Flamingo, Alayrac et al. 2022, section 2.1): many states, few latents.

Learnt latents attend to the image's states *and to themselves*. Shapes: i images, p positions,
l latents, d width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evals.models.idefics.config import ResamplerConfig
from evals.models.idefics.linear import Linear


class Resampler(nn.Module):
    def __init__(self, config: ResamplerConfig, width: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.empty(config.num_latents, width))
        self.blocks = nn.ModuleList(
            nn.ModuleList((_Attention(config, width), _FeedForward(width)))
            for _ in range(config.depth)
        )
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, states: Tensor) -> Tensor:
        """Turn hidden states (i, p, d) into latents (i, l, d)."""
        x = self.latents.expand(len(states), -1, -1)
        for block in self.blocks:
            assert isinstance(block, nn.ModuleList)
            attention, feed_forward = block
            x = x + attention(x, states)
            x = x + feed_forward(x)
        y: Tensor = self.layer_norm(x)
        return y


class _Attention(nn.Module):
    def __init__(self, config: ResamplerConfig, width: int) -> None:
        super().__init__()
        inner = config.num_heads * config.head_dim
        self.context_layer_norm = nn.LayerNorm(width)
        self.latents_layer_norm = nn.LayerNorm(width)
        self.q_proj = Linear(width, inner)
        self.kv = Linear(width, inner, inner, names=("k_proj", "v_proj"))
        self.output_proj = Linear(inner, width)
        if config.qk_norm:
            self.q_layer_norm = nn.LayerNorm(config.head_dim)
            self.k_layer_norm = nn.LayerNorm(config.head_dim)
        self.config = config

    def forward(self, latents: Tensor, states: Tensor) -> Tensor:
        latents = self.latents_layer_norm(latents)
        context = torch.cat((self.context_layer_norm(states), latents), dim=1)
        heads = (-1, self.config.head_dim)
        q = self.q_proj(latents).unflatten(-1, heads).transpose(1, 2)
        k, v = self.kv(context).unflatten(-1, (2, *heads)).permute(2, 0, 3, 1, 4).unbind(0)
        if self.config.qk_norm:
            q, k = self.q_layer_norm(q), self.k_layer_norm(k)
        attended = F.scaled_dot_product_attention(q, k, v)
        y: Tensor = self.output_proj(attended.transpose(1, 2).flatten(2))
        return y


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(width)
        self.fc = Linear(width, 4 * width)
        self.c_proj = Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.c_proj(F.relu(self.fc(self.ln(x))))
        return y
