"""A table's columns: a benchmark and the score that is shown of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evals.report.comparability import find_headline, published_score
from evals.report.names import BENCHMARKS, name_score, title_benchmark
from evals.report.references import Reference
from evals.summary import RunSummary, read_scale
from evals.types import Scale


@dataclass(frozen=True, slots=True)
class Column:
    """Numbers of different scores, splits or data never share a column."""

    benchmark: str
    task: str
    kind: str
    score: str | None
    split: str
    reference_split: str | None
    is_mini: bool
    scale: Scale
    """The score's: numbers of two units or directions never share a column either."""
    qualifier: str = ""
    """What tells it from another column of the same benchmark and score."""
    task_name: str = field(default="", compare=False)
    """The plugin's word for the task, by which papers' protocols are looked up."""

    @property
    def qualified_benchmark(self) -> str:
        return f"{self.benchmark} {self.qualifier}".strip()

    @property
    def title_lines(self) -> tuple[str, str]:
        benchmark = title_benchmark(self.benchmark)
        score = f"({name_score(self.score).title}{self.scale.arrow})" if self.score else ""
        return f"{benchmark} {self.qualifier}".strip(), score

    @property
    def title(self) -> str:
        return " ".join(self.title_lines).strip()


def list_columns(runs: Sequence[RunSummary]) -> tuple[Column, ...]:
    """Return the columns, known benchmarks first in their usual order."""
    order = list(BENCHMARKS)
    plain = sorted(
        dict.fromkeys(_describe(run) for run in runs),
        key=lambda column: (
            order.index(column.benchmark) if column.benchmark in order else len(order)
        ),
    )
    return tuple(replace(column, qualifier=_qualify(column, plain)) for column in plain)


def find_column(run: RunSummary, columns: Sequence[Column]) -> Column:
    own = _describe(run)
    return next(column for column in columns if replace(column, qualifier="") == own)


def place_references(
    references: Sequence[Reference], columns: Sequence[Column]
) -> Mapping[Column, Mapping[int | None, Reference]]:
    """Put one series' numbers into the columns of their benchmark that fit best.

    Best is the column of the unit and direction, then of the split that was printed, then of the
    score that its paper prints;
    where none fits, the number still stands in its benchmark's column, and the runs beside it
    are marked.
    """
    placed: dict[Column, Mapping[int | None, Reference]] = {}
    for benchmark in dict.fromkeys(reference.benchmark for reference in references):
        rows = [reference for reference in references if reference.benchmark == benchmark]
        fits = {column: _fit(rows, column) for column in columns if column.benchmark == benchmark}
        for column, fit in fits.items():
            if fit == max(fits.values()):
                placed[column] = _choose_rows(rows, column)
    return placed


def _describe(run: RunSummary) -> Column:
    score = find_headline(run)
    return Column(
        benchmark=run.benchmark or run.task,
        task=run.task,
        kind=run.kind,
        score=score,
        split=run.split,
        reference_split=run.reference_split,
        is_mini=run.is_mini,
        scale=read_scale(run.scores.get(score or "", {})),
        task_name=run.task_name or run.task,
    )


def _qualify(column: Column, columns: Sequence[Column]) -> str:
    alike = [other for other in columns if other.title == column.title]
    parts = []
    if len({other.task for other in alike}) > 1 and column.task != column.benchmark:
        parts.append(column.task)
    if len({other.split for other in alike}) > 1:
        parts.append(column.split)
    if column.is_mini and len({other.is_mini for other in alike}) > 1:
        parts.append("mini")
    if len({other.scale for other in alike}) > 1:  # one title, so the direction is the same
        parts.append(column.scale.unit.value)
    return " ".join(parts)


def _fit(rows: Sequence[Reference], column: Column) -> tuple[bool, bool, bool]:
    score = published_score(rows[0].series, task=column.task_name, kind=column.kind)
    return (
        any(row.scale == column.scale for row in rows),
        any(row.split == column.reference_split for row in rows),
        score == column.score,
    )


def _choose_rows(rows: Sequence[Reference], column: Column) -> Mapping[int | None, Reference]:
    """Return a number for each count of shots: of the column's split and metric, if printed."""
    ranked = sorted(
        rows,
        key=lambda row: (
            row.scale != column.scale,
            row.split != column.reference_split,
            row.metric.casefold().replace(" ", "_") != column.score,
        ),
    )
    chosen: dict[int | None, Reference] = {}
    for row in ranked:
        chosen.setdefault(row.shots, row)
    return chosen
