"""What reading prompts must cost: the multiplications of the language and gated layers alone.

Vision, resampler, embedding and head are left out, and so is all that an engine could avoid:

* a text token costs 2 operations a weight in every language layer (q, k, v, o and the three
  matrices of the feed-forward) and in every gated layer (q, o and the feed-forward; a token that
  looks at no picture, the feed-forward only);
* causal attention: token t meets t keys, twice 2 x width operations each;
* cross-attention: a token meets the latents of one picture, the last before it;
* keys and values of a picture are projected once a gated layer, however many prompts show it;
* what all prompts begin with, up to the first picture, is read once;
* in the last language layer only keys and values of all tokens are needed, and the rest for the
  last one, which is read.

Divided by (time x measured matrix rate) this is the share of the hardware's rate that an engine
reaches.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from evals.models.idefics.config import IdeficsConfig

NO_PICTURE = -1


@dataclass(frozen=True, slots=True)
class PromptShape:
    """A prompt as far as its cost depends on it."""

    ids: tuple[int, ...]
    images: tuple[Hashable, ...]
    num_seeing: int
    """Tokens that look at a picture."""

    @property
    def num_tokens(self) -> int:
        return len(self.ids)


def count_prefill_operations(config: IdeficsConfig, prompts: Sequence[PromptShape]) -> int:
    """Return the operations (a multiplication and an addition are two) that the prompts need."""
    if not prompts:
        return 0
    shared = _count_shared(prompts)
    total = _read_tokens(config, start=0, end=shared, num_seeing=0, answers=False)
    for prompt in prompts:
        total += _read_tokens(
            config, start=shared, end=prompt.num_tokens, num_seeing=prompt.num_seeing, answers=True
        )
    num_images = len({image for prompt in prompts for image in prompt.images})
    per_image = 2 * 2 * _num_latents(config) * config.vision.width * config.width
    return total + num_images * per_image * config.num_gated_layers


def _read_tokens(
    config: IdeficsConfig, *, start: int, end: int, num_seeing: int, answers: bool
) -> int:
    """Return what tokens start..end of a prompt cost, those before them being cached."""
    count, width = end - start, config.width
    square, feed_forward = width * width, 3 * width * config.intermediate_size
    # Token t (from 0) meets t + 1 keys: queries by keys, then weights by values.
    attention = 2 * 2 * width * ((end * (end + 1) - start * (start + 1)) // 2)
    layer = 2 * count * (4 * square + feed_forward) + attention
    last_row = 2 * (2 * square + feed_forward) + 2 * 2 * width * end if answers else 0
    last_layer = 2 * count * 2 * square + last_row
    gated = 2 * count * feed_forward + 2 * num_seeing * 2 * square
    gated += 2 * 2 * num_seeing * _num_latents(config) * width
    return (config.num_layers - 1) * layer + last_layer + config.num_gated_layers * gated


def _num_latents(config: IdeficsConfig) -> int:
    return config.resampler.num_latents if config.resampler else config.vision.num_positions


def _count_shared(prompts: Sequence[PromptShape]) -> int:
    """Return how many tokens before any picture all prompts begin with; of one prompt, none."""
    if len(prompts) < 2:
        return 0
    limit = min(prompt.num_tokens - prompt.num_seeing for prompt in prompts)
    columns = zip(*(prompt.ids[:limit] for prompt in prompts), strict=False)
    return next((i for i, column in enumerate(columns) if len(set(column)) > 1), limit)
