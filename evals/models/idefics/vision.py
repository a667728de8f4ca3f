"""The vision tower: OpenCLIP's ViT-H/14 (laion2B) in the shipped checkpoints.

The language model looks at the last hidden states of all positions, class token included and
*without* the final norm; that norm only serves the pooled class token (`pool`), which RICES
compares. Module names are the checkpoints' (`pre_layrnorm` is spelt so there).
Shapes: i images, p positions (class token and patches), d width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evals.models.idefics.config import VisionConfig
from evals.models.idefics.layers import ACTIVATIONS
from evals.models.idefics.linear import Linear


class VisionTower(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.encoder = _Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn pixels (i, 3, size, size) into hidden states (i, p, d)."""
        x: Tensor = self.encoder(self.pre_layrnorm(self.embeddings(pixels)))
        return x

    def pool(self, pixels: Tensor) -> Tensor:
        """Turn pixels (i, 3, size, size) into one normed class token an image (i, d)."""
        x: Tensor = self.post_layernorm(self(pixels)[:, 0])
        return x


class _Embeddings(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(config.width))
        self.patch_embedding = nn.Conv2d(
            config.num_channels,
            config.width,
            kernel_size=config.patch_size,
            stride=config.patch_size,
            bias=False,
        )
        self.position_embedding = nn.Embedding(config.num_positions, config.width)

    def forward(self, pixels: Tensor) -> Tensor:
        patches: Tensor = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        class_token = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat((class_token, patches), dim=1) + self.position_embedding.weight


class _Encoder(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _Layer(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.self_attn = _Attention(config)
        self.layer_norm2 = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.mlp = _FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x.add_(self.mlp(self.layer_norm2(x)))


class _Attention(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        width = config.width
        self.qkv = Linear(
            width, width, width, width, names=("q_proj", "k_proj", "v_proj"), bias=True
        )
        self.out_proj = Linear(width, width, bias=True)
        self.heads = (-1, width // config.num_heads)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).unflatten(-1, (3, *self.heads))
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (i, h, p, e) each
        attended = F.scaled_dot_product_attention(q, k, v)
        y: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return y


class _FeedForward(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.fc1 = Linear(config.width, config.intermediate_size, bias=True)
        self.fc2 = Linear(config.intermediate_size, config.width, bias=True)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc2(self.activation(self.fc1(x)))
        return y
