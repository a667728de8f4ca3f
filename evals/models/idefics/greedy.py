"""Greedy search: the most probable allowed token, a batch at a time.

A finished row leaves the batch, so it cannot disturb the others nor cost anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from evals.models.idefics.batch import Batch
from evals.models.idefics.rules import FinishReason, Rules


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the prompt at `row` of the batch."""

    row: int
    ids: tuple[int, ...]
    logprob: float
    """Sum of the log-softmax of the raw logits at `ids`."""
    finish_reason: FinishReason


@dataclass(slots=True)
class _Open:
    row: int
    context: list[int]
    num_prompt_tokens: int
    logprobs: list[float] = field(default_factory=list)

    @property
    def new_ids(self) -> list[int]:
        return self.context[self.num_prompt_tokens :]


def search_greedily(
    batch: Batch, logits: Tensor, prompts: Sequence[Sequence[int]], *, rules: Rules
) -> Iterator[Answer]:
    """Yield an answer a prompt, as they finish.

    Args:
        batch: the prompts, read.
        logits: (b, v), of the first token.
        prompts: their ids.
        rules: what ends an answer and what must not be in it.
    """
    rows = [_Open(row, list(ids), len(ids)) for row, ids in enumerate(prompts)]
    while True:
        logprobs = logits.log_softmax(dim=-1)
        chosen = rules.forbid(logprobs, [row.context for row in rows]).argmax(dim=-1)
        values = logprobs.gather(1, chosen[:, None])[:, 0].tolist()
        kept = []
        for index, (row, token, value) in enumerate(
            zip(rows, chosen.tolist(), values, strict=True)
        ):
            row.context.append(token)
            row.logprobs.append(value)
            if reason := rules.find_end(row.new_ids):
                yield Answer(row.row, tuple(row.new_ids), sum(row.logprobs), reason)
            else:
                kept.append(index)
        if not kept:
            return
        rows, batch = [rows[index] for index in kept], batch.select(kept)
        logits = batch.append([row.context[-1] for row in rows])
