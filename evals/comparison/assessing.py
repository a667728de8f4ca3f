"""Which test a score asks for, and what it says.

* Right or wrong (any score of two values), one query a picture: McNemar's mid-p, the exact test
  beside it.
* Right or wrong, several queries a picture: Student's t of the differences, clustered by picture.
* Graded: the signs of the pictures' differences flipped at random.
* The area under a ROC curve: DeLong's, clustered by picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals import stats
from evals.comparison.pairing import Pair
from evals.query_scores import AREAS, QueryScore
from evals.stats import Difference
from evals.stats.resampling import NUM_FLIPS
from evals.types import Scale


@dataclass(frozen=True, slots=True)
class Assessment:
    """How a score moved, in its natural unit."""

    difference: Difference
    p_value: float | None
    """`None` where the data cannot tell (a single picture)."""
    test: str
    exact_p: float | None = None
    """McNemar's exact test, beside its mid-p."""

    @property
    def smallest_detectable(self) -> float | None:
        """The difference that so many queries show with 80 % power, at the spread seen here."""
        error, clusters = self.difference.standard_error, self.difference.num_clusters
        return None if error is None else stats.smallest_detectable(error, num_clusters=clusters)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many queries scored better, worse and alike in the second run."""

    better: int
    worse: int
    equal: int


def count_outcomes(name: str, pairs: Sequence[Pair], scale: Scale) -> Outcomes | None:
    """Count the queries that a score's direction calls better; `None` where they have no score."""
    if not pairs or not all(name in p.before.scores and name in p.after.scores for p in pairs):
        return None
    gains = [scale.improve(p.after.scores[name] - p.before.scores[name]) for p in pairs]
    better, worse = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return Outcomes(better, worse, len(pairs) - better - worse)


def assess_score(name: str, pairs: Sequence[Pair]) -> Assessment | None:
    """Test a score; `None` where it is of the whole only (BLEU) or was not computed."""
    pictures = [pair.before.picture for pair in pairs]
    if name in AREAS:
        return _assess_area(AREAS[name], pairs, pictures)
    if not pairs or not all(name in p.before.scores and name in p.after.scores for p in pairs):
        return None
    before = [pair.before.scores[name] for pair in pairs]
    after = [pair.after.scores[name] for pair in pairs]
    return assess_mean(before, after, pictures)


def assess_mean(
    before: Sequence[float],
    after: Sequence[float],
    pictures: Sequence[str],
    *,
    num_flips: int = NUM_FLIPS,
) -> Assessment:
    """Test the mean of values that the same queries have in two runs."""
    moves = [new - old for old, new in zip(before, after, strict=True)]
    difference = stats.mean_difference(moves, pictures)
    if difference.standard_error is None:
        return Assessment(difference, None, "none: a single picture")
    is_binary = len({*before, *after}) <= 2  # right or wrong, whatever each is worth
    if is_binary and difference.num_clusters == len(pictures):
        p = stats.mcnemar(sum(move > 0 for move in moves), sum(move < 0 for move in moves))
        return Assessment(difference, p.mid_p, "McNemar, mid-p", exact_p=p.exact_p)
    if is_binary:
        return Assessment(difference, stats.t_test(difference), "t, clustered by picture")
    p_value = stats.flip_signs(stats.sum_clusters(moves, pictures), num_flips=num_flips)
    return Assessment(difference, p_value, "permutation over pictures")


def _assess_area(
    rank: Callable[[QueryScore], float], pairs: Sequence[Pair], pictures: Sequence[str]
) -> Assessment | None:
    labels = [pair.before.label for pair in pairs]
    if set(labels) != {0, 1} or not all(p.before.probabilities for p in pairs):
        return None
    area = stats.roc_auc_difference(
        [label or 0 for label in labels],
        [rank(pair.before) for pair in pairs],
        [rank(pair.after) for pair in pairs],
        pictures,
    )
    clusters = len(set(pictures))
    if area.standard_error is None:
        unknown = Difference(area.value, None, None, clusters)
        return Assessment(unknown, None, "none: too few examples")
    interval = stats.t_interval(area.value, area.standard_error, num_clusters=clusters)
    difference = Difference(area.value, area.standard_error, interval, clusters)
    return Assessment(difference, stats.t_test(difference), "DeLong")
