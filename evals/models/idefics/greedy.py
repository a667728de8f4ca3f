"""Greedy search: the most probable allowed token, for many prompts at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evals.models.idefics.rules import FinishReason, Rules


@dataclass(frozen=True, slots=True)
class Answer:
    ids: tuple[int, ...]
    """Those generated."""
    logprob: float
    """Sum of the log-softmax of the raw logits at `ids`."""
    finish_reason: FinishReason


@dataclass(slots=True)
class GreedySearch:
    """The answer to one prompt on its way."""

    prompt: tuple[int, ...]
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def tokens(self) -> list[int]:
        """The last token."""
        return self.ids[-1:]

    @property
    def origins(self) -> list[int]:
        return [0]


def advance_greedily(logits: Tensor, searches: Sequence[GreedySearch], rules: Rules) -> None:
    """Take the next token of each search.

    Args:
        logits: (r, v), a row a search; used up.
        searches: open ones.
        rules: what ends an answer and what must not be in it.
    """
    total = logits.logsumexp(dim=-1)
    allowed = rules.forbid_(logits, [(*each.prompt, *each.ids) for each in searches])
    best = allowed.max(dim=-1)
    tokens, values = best.indices, best.values - total
    # One copy to the host a step: ids below 2 ** 53 are exact in float64.
    found = torch.stack((tokens.double(), values.double())).tolist()
    for search, token, value in zip(searches, *found, strict=True):
        search.ids.append(int(token))
        search.logprobs.append(value)
        if reason := rules.find_end(search.ids):
            search.answer = Answer(tuple(search.ids), sum(search.logprobs), reason)
