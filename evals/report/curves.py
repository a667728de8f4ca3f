"""Scores against shots: what plots and pages draw of a table."""

from dataclasses import dataclass
from typing import Literal

from evals.report.cells import Cell
from evals.report.layout import Table
from evals.report.names import name_score
from evals.types import Scale

Spread = Literal["seeds", "interval", "printed"]
"""Of several seeds the lowest and the highest one's score, of one seed the 95 % interval, of a
published number the printed deviation over seeds."""


@dataclass(frozen=True, slots=True)
class Point:
    """A score at a number of shots, as papers print it, and how far it may be off."""

    shots: int
    value: float
    low: float
    high: float
    spread: Spread | None = None
    """What `low` and `high` are; both are the value where nothing is known."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One model in one setting, or one reference series."""

    series: str
    is_published: bool
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """What a reference series has at no number of shots: a fine-tuned model's score."""

    series: str
    value: float


@dataclass(frozen=True, slots=True)
class Panel:
    """The curves of one column of a table."""

    title: str
    curves: tuple[Curve, ...]
    remarks: tuple[str, ...]
    """Why its runs are not comparable with its references."""
    benchmark: str
    """The title without the score."""
    score: str
    """The score in words; empty where runs have none."""
    levels: tuple[Level, ...]
    scale: Scale

    @property
    def axis(self) -> str:
        """The score in words, and the direction where readers do not expect it."""
        return self.score if self.scale.higher_is_better else f"{self.score}, lower is better"


def make_panels(table: Table) -> tuple[Panel, ...]:
    """Return a panel for each column; a fine-tuned model, which knows no shots, is a level."""
    panels = []
    for index, column in enumerate(table.columns):
        curves = []
        levels = []
        remarks: dict[str, None] = {}
        for block in table.blocks:
            if block.against:
                continue
            cells = [(row.shots, cell) for row in block.rows if (cell := row.cells[index])]
            points = tuple(
                _make_point(shots, cell.value, cell)
                for shots, cell in cells
                if shots is not None and cell.value is not None
            )
            if points:
                is_published = all(cell.is_published for _, cell in cells)
                curves.append(Curve(block.series, is_published, points))
            levels += [
                Level(block.series, cell.value)
                for shots, cell in cells
                if shots is None and cell.value is not None
            ]
            for _, cell in cells:
                remarks |= dict.fromkeys(cell.not_comparable)
        panels.append(
            Panel(
                title=column.title,
                curves=tuple(curves),
                remarks=tuple(remarks),
                benchmark=column.title_lines[0],
                score=name_score(column.score).words if column.score else "",
                levels=tuple(levels),
                scale=column.scale,
            )
        )
    return tuple(panels)


def _make_point(shots: int, value: float, cell: Cell) -> Point:
    if len(cell.of_seeds) > 1:
        return Point(shots, value, min(cell.of_seeds), max(cell.of_seeds), "seeds")
    if cell.interval is not None:
        return Point(shots, value, *cell.interval, "interval")
    if cell.std is not None:
        return Point(shots, value, value - cell.std, value + cell.std, "printed")
    return Point(shots, value, value, value)
