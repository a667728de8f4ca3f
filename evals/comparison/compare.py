"""Two runs compared: every score that both have, and the queries that changed most."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.comparison.assessing import Assessment, Outcomes, assess_score, count_outcomes
from evals.comparison.pairing import (
    Pair,
    ScoredRun,
    find_cautions,
    pair_queries,
    read_run,
)
from evals.errors import ResultsError, list_problems
from evals.query_scores import AREAS
from evals.records import RECORDS
from evals.summary import SUMMARY, RunSummary, read_scale, read_summary
from evals.types import Scale

NUM_CHANGED = 10
"""Queries that are listed."""


@dataclass(frozen=True, slots=True)
class ScoreComparison:
    name: str
    before: float
    after: float
    assessment: Assessment | None
    """`None` where the score is of the whole only, so that nothing is paired."""
    scale: Scale
    outcomes: Outcomes | None
    """`None` where queries have no score of their own (BLEU, ROC AUC)."""

    @property
    def gain(self) -> float:
        """By how much the second run is better, in the natural unit; negative where it is worse."""
        return self.scale.improve(self.after - self.before)


@dataclass(frozen=True, slots=True)
class Comparison:
    before: ScoredRun
    after: ScoredRun
    cautions: Sequence[str]
    scores: Mapping[str, ScoreComparison]
    headline: str
    """The score that the protocol's paper prints."""
    changed: Sequence[Pair]
    """By how far the headline moved, the farthest first."""
    num_pictures: int
    adjusted_p: float | None = None
    """The headline's, after Holm over all comparisons of a call."""

    @property
    def main(self) -> ScoreComparison:
        return self.scores[self.headline]


def compare_runs(pairs: Sequence[tuple[Path, Path]]) -> list[Comparison]:
    """Compare runs pair by pair; Holm's p-values are over the headlines of all pairs.

    Raises:
        ResultsError: a folder is no finished run, or two are not comparable.
    """
    return adjust_comparisons(
        [compare_scored(read_run(one), read_run(other)) for one, other in pairs]
    )


def adjust_comparisons(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with Holm's p-values over their headlines."""
    adjusted = adjust_holm([_headline_p(comparison) for comparison in comparisons])
    return [
        replace(comparison, adjusted_p=p_value)
        for comparison, p_value in zip(comparisons, adjusted, strict=True)
    ]


def pair_folders(one: Path, other: Path) -> list[tuple[Path, Path]]:
    """Return which runs are compared: the two folders, or those in them that match.

    In folders of several runs, those of equal task, split, shots and seed are paired.

    Raises:
        ResultsError: a folder holds no runs, or no two of them match.
    """
    if all((folder / RECORDS).is_file() for folder in (one, other)):
        return [(one, other)]
    sides = [_index_runs(folder) for folder in (one, other)]
    matching = [key for key in sides[0] if key in sides[1]]
    if not matching:
        listed = [
            f"{side}: {', '.join(map(str, runs))}" for side, runs in zip("AB", sides, strict=True)
        ]
        raise ResultsError(
            "no run in the one folder has the task, split, shots and seed of one in the other:\n"
            f"{list_problems(listed)}"
        )
    return [(sides[0][key], sides[1][key]) for key in matching]


def adjust_holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's p-values (Scandinavian Journal of Statistics 6, 1979); `None` stays."""
    known = [p_value for p_value in p_values if p_value is not None]
    if len(known) < 2:  # nothing to adjust, and statsmodels takes a second to import
        return list(p_values)
    from statsmodels.stats.multitest import multipletests

    adjusted = iter(multipletests(known, method="holm")[1].tolist())
    return [None if p_value is None else next(adjusted) for p_value in p_values]


def compare_scored(before: ScoredRun, after: ScoredRun, *, same_data: bool = True) -> Comparison:
    """Compare two runs that are read already; the p-value is not adjusted yet.

    Raises:
        ResultsError: they are not comparable (with `same_data`, data files must have equal bytes).
    """
    pairs = pair_queries(before, after, same_data=same_data)
    scores = {
        name: ScoreComparison(
            name,
            score["value"],
            after.summary.scores[name]["value"],
            assess_score(name, pairs),
            scale := read_scale(score),
            count_outcomes(name, pairs, scale),
        )
        for name, score in before.summary.scores.items()
        if _has_values(name, before.summary, after.summary)
    }
    if not scores:
        raise ResultsError(f"{before.name} and {after.name} have no score in common")
    headline = before.summary.headline
    if headline not in scores:
        headline = next(iter(scores))
    measure = _choose_measure(headline, pairs)
    moved = [pair for pair in pairs if measure(pair)]
    return Comparison(
        before,
        after,
        cautions=find_cautions(before, after),
        scores=scores,
        headline=headline,
        changed=sorted(moved, key=lambda pair: (-measure(pair), pair.before.id))[:NUM_CHANGED],
        num_pictures=len({pair.before.picture for pair in pairs}),
    )


def _has_values(name: str, one: RunSummary, other: RunSummary) -> bool:
    return name in other.scores and None not in (
        one.scores[name]["value"],
        other.scores[name]["value"],
    )


def _choose_measure(name: str, pairs: Sequence[Pair]) -> Callable[[Pair], float]:
    """Return how far a query moved: in its own score, or in what ranks it."""
    if name in AREAS:
        rank = AREAS[name]
        return lambda pair: abs(rank(pair.after) - rank(pair.before))
    if all(name in pair.before.scores for pair in pairs):
        return lambda pair: abs(pair.after.scores[name] - pair.before.scores[name])
    return lambda pair: float(pair.before.answer != pair.after.answer)


def _headline_p(comparison: Comparison) -> float | None:
    assessment = comparison.main.assessment
    return None if assessment is None else assessment.p_value


_Key = tuple[str, str, int, int]


def _index_runs(folder: Path) -> dict[_Key, Path]:
    """Return the finished runs of a folder by task, split, shots and seed.

    Raises:
        ResultsError: there are none, or two that are alike in these.
    """
    runs: dict[_Key, Path] = {}
    for path in sorted(folder.glob(f"*/{SUMMARY}")):
        summary = read_summary(path.parent)
        key = (summary.task, summary.split, summary.shots, summary.seed)
        if key in runs:
            raise ResultsError(
                f"{runs[key]} and {path.parent} have the same task, split, shots and seed; "
                "compare two run folders"
            )
        runs[key] = path.parent
    if not runs:
        raise ResultsError(f"{folder} is no run folder and holds none that is finished")
    return runs
