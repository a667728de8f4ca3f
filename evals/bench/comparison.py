"""Whether both sides answered alike: token for token, log-likelihoods within 1e-4."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.bench.sides import Outputs

NEAR_TIE = 1e-4
"""Below this, what two answers differ by is float noise."""
MAX_LOGPROB_DIFFERENCE = 1e-4

Margin = Callable[[str, Sequence[int], Sequence[int]], float | None]
"""(request id, one answer, the other) -> how close they were; `None` if that cannot be said."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    request_id: str
    margin: float | None

    @property
    def is_near_tie(self) -> bool:
        return self.margin is not None and self.margin < NEAR_TIE


@dataclass(frozen=True, slots=True)
class Comparison:
    num_compared: int
    mismatches: tuple[Mismatch, ...]
    max_logprob_difference: float | None
    """Over all classes of all queries; `None` where nothing was scored."""

    @property
    def num_near_ties(self) -> int:
        return sum(mismatch.is_near_tie for mismatch in self.mismatches)

    @property
    def is_equal(self) -> bool:
        far = self.max_logprob_difference or 0.0
        # Not `far > ...`: a NaN is not equal to anything.
        return self.num_near_ties == len(self.mismatches) and far <= MAX_LOGPROB_DIFFERENCE


def compare_outputs(ours: Outputs, theirs: Outputs, *, margin: Margin) -> Comparison:
    """Compare all that the other side answered.

    Raises:
        KeyError: we left one of these requests unanswered.
    """
    mismatches = tuple(
        Mismatch(request_id, margin(request_id, ours.tokens[request_id], tokens))
        for request_id, tokens in theirs.tokens.items()
        if ours.tokens[request_id] != tokens
    )
    differences = [
        abs(one - other)
        for request_id, logprobs in theirs.logprobs.items()
        for one, other in zip(ours.logprobs[request_id], logprobs, strict=True)
    ]
    return Comparison(len(theirs), mismatches, _find_worst(differences))


def merge_comparisons(rounds: Sequence[Comparison]) -> Comparison:
    """Join the comparisons of several rounds: a request that ever differed is a mismatch, once."""
    worst: dict[str, Mismatch] = {}
    for mismatch in (mismatch for made in rounds for mismatch in made.mismatches):
        known = worst.get(mismatch.request_id, mismatch)
        worst[mismatch.request_id] = max(known, mismatch, key=_badness)
    differences = [
        made.max_logprob_difference for made in rounds if made.max_logprob_difference is not None
    ]
    return Comparison(
        num_compared=max(made.num_compared for made in rounds),
        mismatches=tuple(worst.values()),
        max_logprob_difference=_find_worst(differences),
    )


def _badness(mismatch: Mismatch) -> float:
    return float("inf") if mismatch.margin is None else mismatch.margin


def _find_worst(differences: Sequence[float]) -> float | None:
    """Return the largest; a NaN counts as that, wherever it stands."""
    return max(differences, key=lambda value: (value != value, value), default=None)
