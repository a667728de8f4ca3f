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

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evals.models.idefics.greedy import Answer
from evals.models.idefics.packing import upload
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
class BeamSearch:
    """The beams of one prompt, best first."""

    prompt: tuple[int, ...]
    open: list[_Beam] = field(default_factory=lambda: [_Beam((), 0.0, 0.0)])
    origins: list[int] = field(default_factory=lambda: [0])
    """Which of the previous open beams each comes from."""
    finished: list[_Beam] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def tokens(self) -> list[int]:
        """The last token of each open beam."""
        return [beam.ids[-1] for beam in self.open]

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
        if hopeless or (full and decoding.early_stopping) or all(ends):
            best = self.finished[0]
            reason: FinishReason = "eos" if best.ids[-1] in rules.eos_ids else "length"
            self.answer = Answer(best.ids, best.logprob, reason)


@dataclass(frozen=True, slots=True)
class _Candidate:
    origin: int
    """Index of an open beam."""
    token: int
    logprob: float


def advance_beams(logits: Tensor, searches: Sequence[BeamSearch], rules: Rules) -> None:
    """Take the next token of each beam.

    Args:
        logits: (r, v), of the searches' open beams, search after search.
        searches: open ones with equally many beams.
        rules: what ends a beam and what must not be in it, and how many beams there are.
    """
    open_beams = [(search, beam) for search in searches for beam in search.open]
    scores = rules.forbid_(
        logits.log_softmax(dim=-1), [search.prompt + beam.ids for search, beam in open_beams]
    )
    # Sums are kept in float32, so that ties and near-ties fall as they do in transformers.
    sums = [beam.score for _, beam in open_beams]
    scores += upload(sums, scores.device, dtype=torch.float32)[:, None]
    vocab_size = scores.shape[-1]
    scores = scores.view(len(searches), -1)
    wanted = max(2, 1 + len(rules.eos_ids)) * rules.decoding.num_beams
    best = scores.topk(min(wanted, scores.shape[-1]), dim=-1)
    # One copy to the host a step: indices below 2 ** 53 are exact in float64.
    found = torch.stack((best.indices.double(), best.values.double())).tolist()
    for search, indices, values in zip(searches, *found, strict=True):
        candidates = [
            _Candidate(int(index) // vocab_size, int(index) % vocab_size, value)
            for index, value in zip(indices, values, strict=True)
        ]
        search.advance(candidates, rules)


def _best(beams: Sequence[_Beam], count: int) -> list[_Beam]:
    return sorted(beams, key=lambda beam: -beam.score)[:count]
