"""IDEFICS as one module: pictures to latents, tokens to hidden states, hidden states to logits.

Inference only. Tokens of all rows lie one after the other, without padding. The layers may lie on
several devices (`placement.py`), and what they read moves with them from one to the next; all else
is on the first, where what goes in and comes out is, too.
Shapes: n tokens, r tokens that are read, i pictures, l latents, d width, h heads, e head size,
v vocabulary.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from evals.models.idefics.attention import Attend
from evals.models.idefics.cache import CacheShape
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.decoder import DecoderLayer, GatedCrossAttentionLayer, Seen
from evals.models.idefics.layers import DecoupledEmbedding, DecoupledHead, RMSNorm, rope_angles
from evals.models.idefics.perceiver import Resampler
from evals.models.idefics.vision import VisionTower

LOGITS_AT_ONCE = 256
"""Tokens whose whole rows of logits are in memory together, where only a few ids are looked at."""


class Idefics(nn.Module):
    """Parameter names are the checkpoints', without their leading `model.`; but see weights.py."""

    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        self.config = config
        self.num_shares = 1
        """By how many processes the heads and the matrices are divided (`sharding.py`)."""
        self.layer_devices: tuple[torch.device, ...] = ()
        """Where each language layer is, and the gated layer before it."""
        sizes = (config.vocab_size, config.additional_vocab_size, config.width)
        self.vision_model = VisionTower(config.vision)
        if config.resampler is not None:
            self.perceiver_resampler = Resampler(config.resampler, config.vision.width)
        self.embed_tokens = DecoupledEmbedding(*sizes)
        last = config.num_layers - 1
        self.layers = nn.ModuleList(
            DecoderLayer(config, is_last=index == last) for index in range(config.num_layers)
        )
        self.gated_cross_attn_layers = nn.ModuleList(
            GatedCrossAttentionLayer(config) for _ in range(config.num_gated_layers)
        )
        self.norm = RMSNorm(config.width, eps=config.rms_norm_eps)
        self.lm_head = DecoupledHead(*sizes)

    @property
    def device(self) -> torch.device:
        return self.norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.norm.weight.dtype

    @property
    def cache_shape(self) -> CacheShape:
        num_heads = self.config.num_heads // self.num_shares
        return CacheShape(self.layer_devices, num_heads, self.config.head_dim, self.dtype)

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Turn pixels (i, 3, size, size) into latents (i, l, d)."""
        states: Tensor = self.vision_model(pixels.to(self.device, self.dtype))
        if self.config.resampler is not None:
            states = self.perceiver_resampler(states)
        return states

    def pool_images(self, pixels: Tensor) -> Tensor:
        """Turn pixels (i, 3, size, size) into the vision tower's pooled class tokens (i, d)."""
        return self.vision_model.pool(pixels.to(self.device, self.dtype))

    def project_images(self, latents: Tensor) -> list[Tensor]:
        """Turn latents (i, l, d) into each gated layer's keys and values (i, 2, l, h, e)."""
        projected = []
        devices = self.layer_devices[:: self.config.cross_layer_interval]
        for layer, device in zip(self.gated_cross_attn_layers, devices, strict=True):
            assert isinstance(layer, GatedCrossAttentionLayer)
            latents = latents.to(device)
            projected.append(layer.cross_attn.project_images(latents))
        return projected

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        attend: Attend,
        seen: Seen | None,
        *,
        read: Tensor | None = None,
    ) -> Tensor:
        """Read tokens; return final hidden states, ready for `logits`.

        Args:
            ids: (n,).
            positions: (n,): where each stands in its row.
            attend: their self-attention.
            seen: the pictures that they look at.
            read: (r,): each row's last token, if only their hidden states are wanted. The last
                layer goes no further for the others than their keys and values.

        Returns:
            (n, d), or with `read` (r, d).
        """
        config = self.config
        rope = rope_angles(positions, config.head_dim, theta=config.rope_theta, dtype=self.dtype)
        x: Tensor = self.embed_tokens(ids)
        devices = (x.device, *self.layer_devices)
        for index, (layer, (before, device)) in enumerate(
            zip(self.layers, pairwise(devices), strict=True)
        ):
            if device != before:
                x, rope = x.to(device), (rope[0].to(device), rope[1].to(device))
                attend = attend.to(device)
                seen = None if seen is None else seen.to(device)
                read = None if read is None else read.to(device)
            if index % config.cross_layer_interval == 0:
                gated = index // config.cross_layer_interval
                x = self.gated_cross_attn_layers[gated](x, seen, gated)
            is_last = index == config.num_layers - 1
            x = layer(x, rope, attend, index, read=read if is_last else None)
        y: Tensor = self.norm(x.to(self.device))
        return y

    def logits(self, hidden: Tensor) -> Tensor:
        """Turn hidden states (r, d) into logits (r, v) in float32."""
        scores: Tensor = self.lm_head(hidden)
        return scores.float()

    def logprobs(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """Return the log-probability (r,) of token `ids` (r,) after each hidden state (r, d)."""
        parts = []
        for some, wanted in zip(
            torch.split(hidden, LOGITS_AT_ONCE), torch.split(ids, LOGITS_AT_ONCE), strict=True
        ):
            logits = self.logits(some)
            parts.append(logits.gather(1, wanted[:, None])[:, 0] - logits.logsumexp(dim=-1))
        return torch.cat(parts)
