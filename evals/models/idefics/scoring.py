"""Log-likelihoods of given choices: the closed-ended protocol of Flamingo, IDEFICS and others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from evals.models.idefics.batch import Batch
from evals.models.idefics.tokens import EncodedPrompt


@dataclass(frozen=True, slots=True)
class _Choice:
    row: int
    tokens: EncodedPrompt


def score_choices(
    batch: Batch,
    logits: Tensor,
    choices: Sequence[Sequence[EncodedPrompt]],
    *,
    batch_size: int,
) -> list[list[float]]:
    """Return for each row its choices' summed log-probabilities.

    The first token's comes from the prompt's own logits; a choice of one token costs nothing.

    Args:
        batch: the prompts, read; a row each.
        logits: (b, v), of the choices' first tokens.
        choices: of each row, their tokens.
        batch_size: how many choices are read together.
    """
    first = logits.log_softmax(dim=-1)
    flat = [_Choice(row, tokens) for row, group in enumerate(choices) for tokens in group]
    sums = [float(first[choice.row, choice.tokens.ids[0]]) for choice in flat]
    longer = [index for index, choice in enumerate(flat) if len(choice.tokens.ids) > 1]
    longer.sort(key=lambda index: len(flat[index].tokens.ids))
    for start in range(0, len(longer), batch_size):
        part = longer[start : start + batch_size]
        rest = _score_rest(batch, [flat[index] for index in part])
        for index, logprob in zip(part, rest, strict=True):
            sums[index] += logprob
    values = iter(sums)
    return [[next(values) for _ in group] for group in choices]


def _score_rest(batch: Batch, choices: Sequence[_Choice]) -> Iterator[float]:
    """Yield each choice's log-probability after its first token."""
    branches = batch.select([choice.row for choice in choices])
    logits = branches.read([choice.tokens.part(0, -1) for choice in choices])
    for choice, row in zip(choices, logits.log_softmax(dim=-1), strict=True):
        targets = choice.tokens.ids[1:]
        steps = range(len(targets))
        yield float(row[list(steps), list(targets)].sum())
