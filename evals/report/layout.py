"""The results table: rows are shots, columns are benchmarks, published numbers beneath.

A table is a value; evals.report.formats and evals.report.terminal print it. Numbers stand as
papers print them: times 100, CIDEr too.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evals.errors import ResultsError, list_problems
from evals.report.columns import Column, find_column, list_columns, place_references
from evals.report.comparability import Beside, find_headline, list_reasons
from evals.report.groups import RunGroup, count_seeds, group_runs
from evals.report.references import Reference, cite
from evals.report.series import Series
from evals.summary import RunSummary

PAPER_SCALE = 100


@dataclass(frozen=True, slots=True)
class Cell:
    """One number and what belongs to it; `None` instead of a cell where there is no number."""

    metric: str
    value: float | None
    """As papers print it; `None` where a run has none, `not_comparable` says why."""
    standard_error: float | None = None
    std: float | None = None
    """Of a published number: the standard deviation over seeds, as printed."""
    num_queries: int | None = None
    num_seeds: int | None = None
    not_comparable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_published(self) -> bool:
        return self.num_seeds is None

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.not_comparable + self.notes


@dataclass(frozen=True, slots=True)
class Row:
    shots: int | None
    """`None` of a model that was fine-tuned."""
    cells: tuple[Cell | None, ...]
    """One for each column."""


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one model in one setting, or of one reference series."""

    series: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    sources: tuple[str, ...]
    """Where the published numbers were printed."""


def build_table(summaries: Sequence[RunSummary], references: Sequence[Reference] = ()) -> Table:
    """Lay out runs, and beside them the reference series at the runs' shots.

    Runs that differ in their seed alone become one cell, their mean. Its standard error has two
    parts: of the queries, which the seeds share (the root mean square of the runs' own), and of
    the seeds (standard deviation / sqrt(seeds)).

    Raises:
        ResultsError: no run is given, or two that a table cannot tell apart.
    """
    runs = _drop_copies(summaries)
    if not runs:
        raise ResultsError("a table needs at least one finished run; give run folders")
    columns = list_columns(runs)
    by_series: dict[Series, list[Reference]] = defaultdict(list)
    for reference in references:
        by_series[reference.series].append(reference)
    placed = {series: place_references(rows, columns) for series, rows in by_series.items()}
    shots = sorted({run.shots for run in runs})
    beside = {
        column: tuple(
            Beside(series, split=shown[0].split, variant=shown[0].variant)
            for series, by_column in placed.items()
            if (shown := [row for row in by_column.get(column, {}).values() if _fits(row, shots)])
        )
        for column in columns
    }
    groups = [_build_block(group, columns, beside) for group in group_runs(runs)]
    published = [
        _build_reference_block(series, by_column, columns, shots=shots)
        for series, by_column in placed.items()
    ]
    return Table(_title(runs), columns, (*groups, *published), _list_sources(references, columns))


def _drop_copies(summaries: Sequence[RunSummary]) -> tuple[RunSummary, ...]:
    """Drop runs given twice; refuse those that would fall into one cell with one seed."""
    runs: list[RunSummary] = []
    for summary in summaries:
        if summary not in runs:
            runs.append(summary)
    cells: dict[tuple[str, Column, int, int], list[str]] = defaultdict(list)
    columns = list_columns(runs)
    for group in group_runs(runs):
        for run in group.runs:
            key = (group.label, find_column(run, columns), run.shots, run.seed)
            cells[key].append(run.hash)
    problems = [
        f"{column.title}, {shots} shots, seed {seed}, {label}: {', '.join(hashes)}"
        for (label, column, shots, seed), hashes in cells.items()
        if len(hashes) > 1
    ]
    if problems:
        raise ResultsError(
            "these runs differ in nothing that a table shows; give one hash of each line, or "
            f"make a table of each:\n{list_problems(problems)}"
        )
    return tuple(runs)


def _build_block(
    group: RunGroup, columns: Sequence[Column], beside: Mapping[Column, Sequence[Beside]]
) -> Block:
    by_cell: dict[tuple[int, Column], list[RunSummary]] = defaultdict(list)
    for run in group.runs:
        by_cell[run.shots, find_column(run, columns)].append(run)
    mixed = " to " in count_seeds(group.runs)
    rows = [
        Row(
            shots,
            tuple(
                _average(by_cell[shots, column], column, beside[column], say_seeds=mixed)
                if (shots, column) in by_cell
                else None
                for column in columns
            ),
        )
        for shots in sorted({run.shots for run in group.runs})
    ]
    return Block(group.label, tuple(rows))


def _average(
    runs: Sequence[RunSummary], column: Column, beside: Sequence[Beside], *, say_seeds: bool
) -> Cell:
    scores = [run.scores.get(find_headline(run) or "", {}) for run in runs]
    values = [score["value"] for score in scores if score.get("value") is not None]
    complete = len(values) == len(runs)
    errors = [score.get("standard_error") for score in scores]
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
    reasons = [reason for run in runs for reason in list_reasons(run, beside)]
    return Cell(
        metric=column.score or "",
        value=PAPER_SCALE * statistics.fmean(values) if complete else None,
        standard_error=_combine_errors(values, errors) if complete else None,
        num_queries=min(run.num_queries for run in runs),
        num_seeds=len(runs),
        not_comparable=tuple(dict.fromkeys(reasons)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _combine_errors(values: Sequence[float], errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    if len(values) == 1:
        return PAPER_SCALE * known[0] if known else None
    of_seeds = statistics.variance(values) / len(values)
    of_queries = statistics.fmean(error**2 for error in known) if known else 0.0
    return PAPER_SCALE * math.sqrt(of_seeds + of_queries)


def _build_reference_block(
    series: Series,
    by_column: Mapping[Column, Mapping[int | None, Reference]],
    columns: Sequence[Column],
    *,
    shots: Sequence[int],
) -> Block:
    printed = {count for rows in by_column.values() for count in rows}
    wanted: list[int | None] = [*shots] if printed != {None} else []
    if None in printed:
        wanted.append(None)
    rows = [
        Row(count, tuple(_show(by_column.get(column, {}).get(count)) for column in columns))
        for count in wanted
    ]
    return Block(series.name, tuple(rows))


def _fits(reference: Reference, shots: Sequence[int]) -> bool:
    return reference.shots is None or reference.shots in shots


def _show(reference: Reference | None) -> Cell | None:
    if reference is None:
        return None
    notes = (reference.note,) if reference.note else ()
    return Cell(metric=reference.metric, value=reference.value, std=reference.std, notes=notes)


def _list_sources(references: Iterable[Reference], columns: Sequence[Column]) -> tuple[str, ...]:
    benchmarks = {column.benchmark for column in columns}
    by_series: dict[str, list[Reference]] = defaultdict(list)
    for reference in references:
        if reference.benchmark in benchmarks:
            by_series[reference.series.name].append(reference)
    by_source: dict[str, list[str]] = defaultdict(list)
    for name, rows in by_series.items():
        by_source[cite(rows)].append(name)
    return tuple(f"{', '.join(names)}: {source}" for source, names in by_source.items())


def _title(runs: Sequence[RunSummary]) -> str:
    if all(run.is_mini for run in runs):
        return "Few-shot results on mini benchmarks, which are not the real ones"
    if any(run.is_mini for run in runs):
        return "Few-shot results; some are on mini benchmarks, which are not the real ones"
    return "Few-shot results"
