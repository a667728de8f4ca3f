"""A batch of prompts on its way: read once, then grown by a token a row.

Shapes: b rows, s positions, v vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evals.models.idefics.cache import Cache, new_cache
from evals.models.idefics.groups import NO_IMAGE
from evals.models.idefics.model import Idefics
from evals.models.idefics.tokens import EncodedPrompt
from evals.types import Image


@dataclass(slots=True)
class Batch:
    model: Idefics
    cache: Cache
    num_tokens: list[int]
    """How many tokens each row has."""
    images: list[int]
    """The picture that each row's tokens to come look at, among the cache's; or `NO_IMAGE`."""

    def select(self, rows: Sequence[int]) -> "Batch":
        """Return these rows, in this order; a row may come twice or not at all."""
        cache = self.cache
        if list(rows) != list(range(len(self.num_tokens))):
            cache = cache.select(rows)
        return Batch(
            self.model,
            cache,
            [self.num_tokens[row] for row in rows],
            [self.images[row] for row in rows],
        )

    def append(self, tokens: Sequence[int]) -> Tensor:
        """Add one token to each row; return the logits (b, v) of the next.

        A generated token looks at what the prompt's last token looked at, be it an EOS or an
        `<image>`: so does transformers' `generate`, which repeats the mask's last row.
        """
        hidden = self.model.extend(
            torch.tensor(tokens)[:, None],
            torch.tensor(self.num_tokens)[:, None],
            torch.tensor(self.images)[:, None],
            cache=self.cache,
        )
        self.num_tokens = [count + 1 for count in self.num_tokens]
        return self.model.logits(hidden[:, -1])

    def read(self, continuations: Sequence[EncodedPrompt]) -> Tensor:
        """Return the logits (b, s, v) at each token of the rows' continuations."""
        ids = _pad([continuation.ids for continuation in continuations], fill=0)
        sees = _pad([encoded.image_of_token for encoded in continuations], fill=NO_IMAGE)
        start = torch.tensor(self.num_tokens)[:, None]
        hidden = self.model.extend(
            ids,
            start + torch.arange(ids.shape[1]),
            torch.where(sees == NO_IMAGE, NO_IMAGE, torch.tensor(self.images)[:, None]),
            cache=self.cache,
        )
        return self.model.logits(hidden)


def start_batch(
    model: Idefics,
    prompts: Sequence[EncodedPrompt],
    latents: Mapping[Image, Tensor],
    *,
    num_new_tokens: int,
) -> tuple[Batch, Tensor]:
    """Read prompts into a batch with room for more; return it and the next logits (b, v).

    Each picture is projected once, however many rows it stands in.
    """
    pictures = {image: index for index, image in enumerate(dict.fromkeys(_images(prompts)))}
    image_of_token = _pad(
        [
            [
                NO_IMAGE if seen == NO_IMAGE else pictures[prompt.images[seen]]
                for seen in prompt.image_of_token
            ]
            for prompt in prompts
        ],
        fill=NO_IMAGE,
    )
    lengths = torch.tensor([len(prompt.ids) for prompt in prompts])
    rows = torch.arange(len(prompts))
    last = image_of_token[rows, lengths - 1]
    kept = torch.tensor(sorted({*last.tolist()} - {NO_IMAGE}), dtype=torch.long)
    cache = new_cache(
        model.config,
        num_rows=len(prompts),
        num_tokens=int(lengths.max()) + num_new_tokens,
        like=model.norm.weight,
    )
    hidden = model.prefill(
        _pad([prompt.ids for prompt in prompts], fill=0),
        image_of_token,
        _stack(model, [latents[picture] for picture in pictures]),
        cache=cache,
        kept_images=kept,
    )
    images = torch.where(last == NO_IMAGE, NO_IMAGE, torch.searchsorted(kept, last))
    batch = Batch(model, cache, lengths.tolist(), images.tolist())
    return batch, model.logits(hidden[rows.to(model.device), (lengths - 1).to(model.device)])


def _images(prompts: Sequence[EncodedPrompt]) -> list[Image]:
    return [image for prompt in prompts for image in prompt.images]


def _stack(model: Idefics, latents: Sequence[Tensor]) -> Tensor:
    """Return (i, l, d); without any picture, none of whatever size."""
    if latents:
        return torch.stack(tuple(latents))
    return model.norm.weight.new_empty((0, 1, model.config.vision.width))


def _pad(rows: Sequence[Sequence[int]], *, fill: int) -> Tensor:
    """Return the rows as (b, s) on the CPU, filled up on the right."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
