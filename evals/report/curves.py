"""Scores against shots: what plots and pages draw of a table."""

from dataclasses import dataclass

from evals.report.cells import Cell
from evals.report.layout import Table


@dataclass(frozen=True, slots=True)
class Point:
    """A score at a number of shots, as papers print it, and how far it may be off."""

    shots: int
    value: float
    low: float
    high: float
    """Of several seeds the lowest and the highest one's, of one seed the 95 % interval, of a
    published number the printed deviation over seeds; where nothing is known, the value."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One model in one setting, or one reference series."""

    series: str
    is_published: bool
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """The curves of one column of a table."""

    title: str
    curves: tuple[Curve, ...]
    remarks: tuple[str, ...]
    """Why its runs are not comparable with its references."""


def make_panels(table: Table) -> tuple[Panel, ...]:
    """Return a panel for each column; a fine-tuned model, which knows no shots, has no curve."""
    panels = []
    for index, column in enumerate(table.columns):
        curves = []
        remarks: dict[str, None] = {}
        for block in table.blocks:
            cells = [(row.shots, row.cells[index]) for row in block.rows]
            points = tuple(
                _make_point(shots, cell.value, cell)
                for shots, cell in cells
                if shots is not None and cell is not None and cell.value is not None
            )
            if points and not block.against:
                is_published = all(cell.is_published for _, cell in cells if cell)
                curves.append(Curve(block.series, is_published, points))
                for _, cell in cells:
                    remarks |= dict.fromkeys(cell.not_comparable if cell else ())
        panels.append(Panel(column.title, tuple(curves), tuple(remarks)))
    return tuple(panels)


def _make_point(shots: int, value: float, cell: Cell) -> Point:
    if len(cell.of_seeds) > 1:
        return Point(shots, value, min(cell.of_seeds), max(cell.of_seeds))
    if cell.interval is not None:
        return Point(shots, value, *cell.interval)
    return Point(shots, value, value - (cell.std or 0.0), value + (cell.std or 0.0))
