"""What several prompts begin with: read once, held once (`sharing.py` finds it)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from evals.models.idefics.attention import Context, KeyValues, ReadRuns
from evals.models.idefics.groups import Groups
from evals.models.idefics.model import Idefics
from evals.models.idefics.packing import lay_out, look, upload
from evals.models.idefics.projections import Projections
from evals.models.idefics.tokens import EncodedPrompt
from evals.types import Image

KEPT_PREFIXES = 2
"""Prefixes that are held from window to window."""

PrefixKey = tuple[int | Image, ...]
"""Tokens, pictures in place of image tokens."""


@dataclass(frozen=True, slots=True)
class Prefix:
    num_tokens: int
    layers: Sequence[KeyValues]
    """(1, t, h, e)"""

    def as_context(self) -> Context:
        """Return it as what all tokens of a step attend to."""
        return Context(Groups((1, -1)), self.layers)


def read_prefix(
    model: Idefics, projections: Projections, prompt: EncodedPrompt, num_tokens: int
) -> Prefix:
    """Read the first tokens of a prompt."""
    tokens = lay_out([prompt.part(0, num_tokens)], [0])
    layers: list[KeyValues] = []

    def keep(layer: int, keys: Tensor, values: Tensor) -> None:
        # Copies: keys and values lie side by side with queries that are needed no more.
        layers.append(KeyValues(keys[None].clone(), values[None].clone()))

    device = model.device
    model(
        upload(tokens.ids, device),
        upload(tokens.positions, device),
        ReadRuns(tokens.runs, keep=keep),
        look(tokens, model, projections),
        # Of the last layer only keys and values are wanted; one token goes through all the same.
        read=upload(tokens.last, device),
    )
    return Prefix(num_tokens, layers)


def recall_prefix(
    kept: "OrderedDict[PrefixKey, Prefix]",
    model: Idefics,
    projections: Projections,
    key: PrefixKey,
    prompt: EncodedPrompt,
) -> Prefix:
    """Return a prefix of those used last, else read it as the first tokens of a prompt."""
    if key not in kept:
        while len(kept) >= KEPT_PREFIXES:
            kept.popitem(last=False)
        kept[key] = read_prefix(model, projections, prompt, len(key))
    kept.move_to_end(key)
    return kept[key]


def read_states(model: Idefics, projections: Projections, prompt: EncodedPrompt) -> Tensor:
    """Return the final hidden states (n, d) of all tokens of a prompt."""
    tokens = lay_out([prompt], [0])
    states: Tensor = model(
        upload(tokens.ids, model.device),
        upload(tokens.positions, model.device),
        ReadRuns(tokens.runs),
        look(tokens, model, projections),
    )
    return states
