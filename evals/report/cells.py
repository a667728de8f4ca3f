"""The cells of a results table: a run's number, a published one, the difference of the two."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from evals.report.columns import Column
from evals.report.comparability import find_headline, list_differences, list_reasons
from evals.report.references import Reference
from evals.report.seeds import ReadQueries, add_errors, split_runs
from evals.stats import Interval, SeedSplit
from evals.summary import RunSummary
from evals.types import Scale


@dataclass(frozen=True, slots=True)
class Cell:
    """One number and what belongs to it; `None` instead of a cell where there is no number."""

    metric: str
    scale: Scale
    value: float | None
    """As papers print it; `None` where a run has none, `not_comparable` says why."""
    standard_error: float | None = None
    interval: Interval | None = None
    """95 %, of a single seed."""
    of_seeds: tuple[float, ...] = ()
    """What each seed scored."""
    std: float | None = None
    """Of a published number: the standard deviation over seeds, as printed."""
    split: SeedSplit | None = None
    """Of several seeds: where the error comes from."""
    subtrahend: float | None = None
    """Of a difference: the published number that was taken off."""
    num_queries: int | None = None
    num_seeds: int | None = None
    not_comparable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    runs: tuple[RunSummary, ...] = ()
    """Of a run's own number: which it is the mean of."""

    @property
    def is_published(self) -> bool:
        return self.num_seeds is None

    @property
    def in_errors(self) -> float | None:
        """The value in its own standard errors; `None` without one."""
        if self.value is None or not self.standard_error:
            return None
        return self.value / self.standard_error

    @property
    def is_difference(self) -> bool:
        return self.subtrahend is not None

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.not_comparable + self.notes


def show(reference: Reference | None) -> Cell | None:
    """Return a published number as it was printed."""
    if reference is None:
        return None
    notes = (reference.note,) if reference.note else ()
    return Cell(
        metric=reference.metric,
        value=reference.value,
        std=reference.std,
        notes=notes,
        scale=reference.scale,
    )


def average(
    runs: Sequence[RunSummary],
    column: Column,
    beside: Sequence[Reference],
    *,
    read_queries: ReadQueries | None,
    say_seeds: bool,
) -> Cell:
    """Return the mean of runs that differ in their seed alone, marked for what stands beside it."""
    headline = find_headline(runs[0]) or ""
    scores = [run.scores.get(headline, {}) for run in runs]
    values = [score["value"] for score in scores if score.get("value") is not None]
    complete = len(values) == len(runs)
    split = None
    if complete and read_queries and len(runs) > 1:
        split = split_runs(runs, headline, read_queries)
    errors = [score.get("standard_error") for score in scores]
    error = split.standard_error if split else add_errors(values, errors) if complete else None
    interval = scores[0].get("interval") if complete and len(runs) == 1 else None
    convert = column.scale.convert
    return Cell(
        metric=column.score or "",
        value=convert(statistics.fmean(values)) if complete else None,
        standard_error=None if error is None else convert(error),
        interval=None if interval is None else Interval(*map(convert, interval)),
        of_seeds=tuple(map(convert, values)) if complete else (),
        split=None if split is None else SeedSplit(*map(convert, split)),
        num_queries=min(run.num_queries for run in runs),
        num_seeds=len(runs),
        not_comparable=_list_reasons(runs, beside),
        notes=_list_notes(runs, say_seeds=say_seeds),
        runs=tuple(runs),
        scale=column.scale,
    )


def subtract(cell: Cell, runs: Sequence[RunSummary], reference: Reference) -> Cell | None:
    """Return how much more a cell has than a published number, and the error of the difference.

    `None` where there is none: numbers of two units or directions are not taken off each other.
    """
    if cell.value is None or cell.scale != reference.scale:
        return None
    error = None
    if cell.standard_error:  # that of a run without one mistake is no error to count in
        error = math.hypot(cell.standard_error, reference.standard_error or 0.0)
    return Cell(
        metric=cell.metric,
        value=cell.value - reference.value,
        subtrahend=reference.value,
        standard_error=error,
        num_queries=cell.num_queries,
        num_seeds=cell.num_seeds,
        not_comparable=_list_reasons(runs, [reference]),
        scale=cell.scale,
    )


def _list_reasons(runs: Sequence[RunSummary], beside: Sequence[Reference]) -> tuple[str, ...]:
    reasons = dict.fromkeys(reason for run in runs for reason in list_reasons(run))
    for reference in beside:
        reasons |= dict.fromkeys(r for run in runs for r in list_differences(run, reference))
    return tuple(reasons)


def _list_notes(runs: Sequence[RunSummary], *, say_seeds: bool) -> tuple[str, ...]:
    notes = [
        f"{run.num_dropped:,} of {run.num_queries:,} prompts lost demonstrations to the length "
        "limit"
        for run in runs
        if run.num_dropped
    ]
    if any(run.headline is None for run in runs):
        notes.append(f"protocol {runs[0].protocol} names no headline score for it")
    if say_seeds:
        notes.append("one seed" if len(runs) == 1 else f"mean of {len(runs)} seeds")
    return tuple(dict.fromkeys(notes))
