"""Beam search, with the semantics of transformers 5.23 (`GenerationMixin._beam_search`).

What distinguishes it from a textbook's:

* The best max(2, 1 + number of EOS ids) x beams continuations are looked at; of those that end,
  only the ones among the best `num_beams` count as finished.
* Scores are raw log-probabilities; forbidden tokens drop out *after* the softmax. A finished beam
  is ranked by its sum divided by (number of generated tokens ** length_penalty).
* Without `early_stopping`, a search ends once its best open beam, scored at its present length,
  is no better than its worst finished one: a heuristic, with the errors that it has there.

Stop strings do not steer the search; whoever reads the text cuts it there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evals.models.idefics.batch import Batch
from evals.models.idefics.greedy import Answer
from evals.models.idefics.rules import FinishReason, Rules

ENDED = -1e9
"""Added to the score of a beam that ended, should it have to fill a place among the open ones."""


@dataclass(frozen=True, slots=True)
class _Beam:
    ids: tuple[int, ...]
    """Those generated."""
    logprob: float
    score: float
    """Open: `logprob`. Finished: that, over the length to the penalty."""


@dataclass(slots=True)
class _Search:
    """The beams of one prompt, best first."""

    row: int
    prompt: tuple[int, ...]
    open: list[_Beam]
    origins: list[int] = field(default_factory=lambda: [0])
    """Which of the previous open beams each comes from."""
    finished: list[_Beam] = field(default_factory=list)
    done: bool = False

    def advance(self, candidates: Sequence["_Candidate"], rules: Rules) -> None:
        """Take the best continuations of the open beams, best first."""
        decoding = rules.decoding
        beams, ends = [], []
        for candidate in candidates:
            ids = (*self.open[candidate.origin].ids, candidate.token)
            beams.append(_Beam(ids, candidate.logprob, candidate.logprob))
            ends.append(candidate.token in rules.eos_ids or len(ids) == decoding.max_new_tokens)
        length = len(beams[0].ids)
        scale = length**decoding.length_penalty
        ended = [
            _Beam(beam.ids, beam.logprob, beam.score / scale)
            for beam, end in zip(beams[: decoding.num_beams], ends, strict=False)
            if end
        ]
        self.finished = _best(self.finished + ended, decoding.num_beams)

        keys = [beam.score + ENDED * end for beam, end in zip(beams, ends, strict=True)]
        order = sorted(range(len(beams)), key=lambda index: -keys[index])[: decoding.num_beams]
        self.open = [_Beam(beams[index].ids, beams[index].logprob, keys[index]) for index in order]
        self.origins = [candidates[index].origin for index in order]

        full = len(self.finished) == decoding.num_beams
        hopeless = full and self.open[0].score / scale <= self.finished[-1].score
        self.done = hopeless or (full and decoding.early_stopping) or all(ends)

    def answer(self, rules: Rules) -> Answer:
        best = self.finished[0]
        reason: FinishReason = "eos" if best.ids[-1] in rules.eos_ids else "length"
        return Answer(self.row, best.ids, best.logprob, reason)


@dataclass(frozen=True, slots=True)
class _Candidate:
    origin: int
    """Index of an open beam."""
    token: int
    logprob: float


def search_beams(
    batch: Batch, logits: Tensor, prompts: Sequence[tuple[int, ...]], *, rules: Rules
) -> Iterator[Answer]:
    """Yield an answer a prompt, as their searches end.

    A prompt is read once, not once a beam.

    Args:
        batch: the prompts, read; a row each.
        logits: (b, v), of the first token.
        prompts: their ids.
        rules: what ends a beam and what must not be in it, and how many beams there are.
    """
    searches = [_Search(row, ids, [_Beam((), 0.0, 0.0)]) for row, ids in enumerate(prompts)]
    while True:
        proposals = _propose(logits, searches, rules)
        rows, first, still_open = [], 0, []
        for search, candidates in zip(searches, proposals, strict=True):
            num_beams = len(search.open)
            search.advance(candidates, rules)
            if search.done:
                yield search.answer(rules)
            else:
                still_open.append(search)
                rows += [first + origin for origin in search.origins]
            first += num_beams
        if not still_open:
            return
        searches, batch = still_open, batch.select(rows)
        logits = batch.append([beam.ids[-1] for search in searches for beam in search.open])


def _propose(logits: Tensor, searches: Sequence[_Search], rules: Rules) -> list[list[_Candidate]]:
    """Return each search's best continuations, best first."""
    open_beams = [(search, beam) for search in searches for beam in search.open]
    scores = rules.forbid(
        logits.log_softmax(dim=-1), [search.prompt + beam.ids for search, beam in open_beams]
    )
    # Sums are kept in float32, so that ties and near-ties fall as they do in transformers.
    scores += torch.tensor([[beam.score] for _, beam in open_beams], device=scores.device)
    vocab_size = scores.shape[-1]
    scores = scores.view(len(searches), -1)  # every search has equally many beams
    wanted = max(2, 1 + len(rules.eos_ids)) * rules.decoding.num_beams
    best = scores.topk(min(wanted, scores.shape[-1]), dim=-1)
    return [
        [
            _Candidate(index // vocab_size, index % vocab_size, value)
            for index, value in zip(indices, values, strict=True)
        ]
        for indices, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _best(beams: Sequence[_Beam], count: int) -> list[_Beam]:
    return sorted(beams, key=lambda beam: -beam.score)[:count]
