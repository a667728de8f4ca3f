"""The results table: rows are shots, columns are benchmarks, published numbers beneath.

A table is a value; evals.report.formats and evals.report.terminal print it. Numbers stand as
papers print them: most times 100, CIDEr too; plain ones as they are (evals.types.Unit).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evals.errors import ResultsError, list_problems
from evals.report.cells import Cell, average, show, subtract
from evals.report.columns import Column, find_column, list_columns, place_references
from evals.report.groups import RunGroup, count_seeds, group_runs
from evals.report.references import Reference, cite
from evals.report.seeds import ReadQueries
from evals.report.series import Series
from evals.summary import RunSummary


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
    against: str = ""
    """Of a block of differences: the reference series that was taken off the model's numbers."""

    @property
    def title(self) -> str:
        return f"{self.series} − {self.against}" if self.against else self.series


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    """Runs, then published series, then the differences of the two."""
    sources: tuple[str, ...]
    """Where the published numbers were printed."""


def build_table(
    summaries: Sequence[RunSummary],
    references: Sequence[Reference] = (),
    *,
    read_queries: ReadQueries | None = None,
) -> Table:
    """Lay out runs, beside them the reference series at the runs' shots, and their differences.

    Runs that differ in their seed alone become one cell, their mean; its standard error is of
    queries and seeds together, and with `read_queries` it is taken apart (evals.report.seeds).

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
    groups = [_build_group(group, columns, placed, read_queries) for group in group_runs(runs)]
    shots = sorted({run.shots for run in runs})
    published = [
        _build_reference_block(series, by_column, columns, shots=shots)
        for series, by_column in placed.items()
    ]
    blocks = (
        *(block for block, _ in groups),
        *published,
        *(difference for _, differences in groups for difference in differences),
    )
    return Table(_title(runs), columns, blocks, _list_sources(references, columns))


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


Placed = Mapping[Series, Mapping[Column, Mapping[int | None, Reference]]]


def _build_group(
    group: RunGroup, columns: Sequence[Column], placed: Placed, read_queries: ReadQueries | None
) -> tuple[Block, list[Block]]:
    """Return a group's own block, and a block of its differences from each series beside it."""
    by_cell: dict[tuple[int, Column], list[RunSummary]] = defaultdict(list)
    for run in group.runs:
        by_cell[run.shots, find_column(run, columns)].append(run)
    beside = {
        (series, shots, column): reference
        for series, by_column in placed.items()
        for shots, column in by_cell
        if (reference := _find(by_column.get(column, {}), shots))
    }
    mixed = " to " in count_seeds(group.runs)
    cells = {
        (shots, column): average(
            runs,
            column,
            [beside[key] for key in beside if key[1:] == (shots, column)],
            read_queries=read_queries,
            say_seeds=mixed,
        )
        for (shots, column), runs in by_cell.items()
    }
    differences = {
        (series, shots, column): subtract(cells[shots, column], by_cell[shots, column], reference)
        for (series, shots, column), reference in beside.items()
    }
    every_shots = sorted({run.shots for run in group.runs})
    own = [
        Row(shots, tuple(cells.get((shots, column)) for column in columns)) for shots in every_shots
    ]
    blocks = [
        Block(
            group.label,
            tuple(
                Row(shots, tuple(differences.get((series, shots, column)) for column in columns))
                for shots in every_shots
                if any((series, shots, column) in differences for column in columns)
            ),
            against=series.name,
        )
        for series in placed
    ]
    return Block(group.label, tuple(own)), [block for block in blocks if block.rows]


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
        Row(count, tuple(show(by_column.get(column, {}).get(count)) for column in columns))
        for count in wanted
    ]
    return Block(series.name, tuple(rows))


def _find(printed: Mapping[int | None, Reference], shots: int) -> Reference | None:
    """Return the number at these shots; a fine-tuned model's stands beside any."""
    return printed.get(shots) or printed.get(None)


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
