"""IDEFICS as one module: pictures to latents, tokens to hidden states, hidden states to logits.

Inference only. Shapes: b rows, s positions, i pictures, l latents, d width, v vocabulary.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from evals.models.idefics.cache import Cache, KeyValues
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.decoder import DecoderLayer, GatedCrossAttentionLayer, Step
from evals.models.idefics.groups import group_by_image
from evals.models.idefics.layers import DecoupledEmbedding, DecoupledHead, RMSNorm, rope_angles
from evals.models.idefics.perceiver import Resampler
from evals.models.idefics.vision import VisionTower


class Idefics(nn.Module):
    """Parameter names are the checkpoints', without their leading `model.`."""

    def __init__(self, config: IdeficsConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.vocab_size, config.additional_vocab_size, config.width)
        self.vision_model = VisionTower(config.vision)
        if config.resampler is not None:
            self.perceiver_resampler = Resampler(config.resampler, config.vision.width)
        self.embed_tokens = DecoupledEmbedding(*sizes)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_layers))
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

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Turn pixels (i, 3, size, size) into latents (i, l, d)."""
        states: Tensor = self.vision_model(pixels.to(self.device, self.dtype))
        if self.config.resampler is not None:
            states = self.perceiver_resampler(states)
        return states

    def pool_images(self, pixels: Tensor) -> Tensor:
        """Turn pixels (i, 3, size, size) into the vision tower's pooled class tokens (i, d)."""
        return self.vision_model.pool(pixels.to(self.device, self.dtype))

    def prefill(
        self,
        ids: Tensor,
        image_of_token: Tensor,
        latents: Tensor,
        *,
        cache: Cache,
        kept_images: Tensor,
    ) -> Tensor:
        """Read prompts, and fill the cache with them.

        Args:
            ids: (b, s), padded on the right with anything; what follows a token cannot move it.
            image_of_token: (b, s), on the CPU: an index into `latents`, or `NO_IMAGE`.
            latents: (i, l, d), of every picture in the batch.
            cache: empty, with room for the prompts and what is to follow.
            kept_images: the pictures that later tokens look at; in `extend` an index counts these.

        Returns:
            Final hidden states (b, s, d), ready for `logits`.
        """
        positions = torch.arange(ids.shape[1]).expand(ids.shape)
        step = self._plan(positions, image_of_token, visible=None)
        kept = kept_images.to(self.device)

        def project(index: int) -> KeyValues:
            # A layer at a time: of 8 prompts with 33 pictures each, 80B's 20 layers take 11 GB.
            layer = self.gated_cross_attn_layers[index]
            assert isinstance(layer, GatedCrossAttentionLayer)
            images = layer.cross_attn.project_images(latents)
            cache.images.append(images.select(kept))
            return images

        return self._run(ids, step, cache, images_of_layer=project)

    def extend(
        self, ids: Tensor, positions: Tensor, image_of_token: Tensor, *, cache: Cache
    ) -> Tensor:
        """Read tokens (b, s) that follow; return final hidden states (b, s, d).

        Args:
            ids: (b, s).
            positions: (b, s), on the CPU: where each stands in its row.
            image_of_token: (b, s), on the CPU: an index into `prefill`'s `kept_images`, or
                `NO_IMAGE`.
            cache: filled by `prefill`, with room for these.
        """
        cached = torch.arange(int(positions.max()) + 1)
        visible = cached <= positions[:, None, :, None]
        step = self._plan(positions, image_of_token, visible=visible)
        return self._run(ids, step, cache, images_of_layer=cache.images.__getitem__)

    def logits(self, hidden: Tensor) -> Tensor:
        """Turn hidden states (..., d) into logits (..., v) in float32."""
        scores: Tensor = self.lm_head(hidden)
        return scores.float()

    def _plan(self, positions: Tensor, image_of_token: Tensor, *, visible: Tensor | None) -> Step:
        config, device = self.config, self.device
        positions = positions.to(device)
        return Step(
            positions=positions,
            rope=rope_angles(positions, config.head_dim, theta=config.rope_theta, dtype=self.dtype),
            groups=group_by_image(image_of_token, device=device),
            visible=None if visible is None else visible.to(device),
        )

    def _run(
        self,
        ids: Tensor,
        step: Step,
        cache: Cache,
        *,
        images_of_layer: Callable[[int], KeyValues],
    ) -> Tensor:
        x: Tensor = self.embed_tokens(ids.to(self.device))
        interval = self.config.cross_layer_interval
        for index, layer in enumerate(self.layers):
            if index % interval == 0:
                gated = self.gated_cross_attn_layers[index // interval]
                x = gated(x, step.groups, images_of_layer(index // interval))
            x = layer(x, step, cache.tokens[index])
        y: Tensor = self.norm(x)
        return y
