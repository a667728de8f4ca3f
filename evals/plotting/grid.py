"""Where a figure's panels stand, in inches: equal cells in rows, each with its axes inside."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evals.errors import ConfigError
from evals.plotting.style import LABEL, LINE, SIZE
from evals.plotting.words import wrap
from evals.report.curves import Panel

MIN_WIDTH, MAX_WIDTH = 2.0, 50.0
PAGE_WIDTH = 7.0
"""Of a page with margins: three panels side by side."""
EDGE = 0.06
"""Around the whole figure."""
BENEATH = 0.42
"""The labels of the ticks, and the word "shots"."""
TICKS = 0.34
"""Left of a panel's axes, the labels of the ticks."""
RIGHT = 0.1
NARROW_CELL, WIDE_CELL = 1.6, 2.2
"""The least a panel needs with what stands around it; up to three in a row are squeezed."""
OVERHANG = 0.3
"""By how much the score's name may be longer than its axis."""


@dataclass(frozen=True, slots=True)
class Grid:
    width: float
    num_panels: int
    columns: int
    axes_height: float
    left: float
    """Of a panel's axes in its cell: the score's name and the labels of the ticks."""
    above: float
    """A panel's title."""

    @property
    def rows(self) -> int:
        return math.ceil(self.num_panels / self.columns)

    @property
    def num_free(self) -> int:
        """Cells at the end of the last row that no panel needs."""
        return self.rows * self.columns - self.num_panels

    @property
    def cell_width(self) -> float:
        return (self.width - 2 * EDGE) / self.columns

    @property
    def axes_width(self) -> float:
        return self.cell_width - self.left - RIGHT

    @property
    def row_height(self) -> float:
        return self.above + self.axes_height + BENEATH

    @property
    def height(self) -> float:
        return self.rows * self.row_height

    def find_axes(self, index: int) -> tuple[float, float]:
        """Return the upper left corner of a panel's axes, from the grid's own upper left one."""
        row, column = divmod(index, self.columns)
        return EDGE + column * self.cell_width + self.left, row * self.row_height + self.above


def make_grid(panels: Sequence[Panel], titles: Sequence[str], width: float | None) -> Grid:
    """Return the grid of a figure; `width` is a page's at most, unless it is given.

    Raises:
        ConfigError: no figure has this width.
    """
    if width is not None and not MIN_WIDTH <= width <= MAX_WIDTH:
        raise ConfigError(
            f"a figure of {width:g} inches: give {MIN_WIDTH:g} to {MAX_WIDTH:g} (a column of a "
            "paper has 3.3, a page 5.5 to 7)"
        )
    columns = _choose_columns(len(panels), width or PAGE_WIDTH)
    width = width or {1: 3.4, 2: 5.0}.get(columns, PAGE_WIDTH)
    cell = (width - 2 * EDGE) / columns
    height = min(max(0.75 * (cell - TICKS - RIGHT) - 0.1, 1.15), 3.0)
    left = TICKS + LABEL * LINE * max(len(wrap_score(panel.axis, height)) for panel in panels)
    lines = max(len(wrap_title(title, cell - left)) for title in titles)
    return Grid(width, len(panels), columns, height, left, above=0.14 + lines * SIZE * LINE)


def wrap_score(score: str, height: float) -> list[str]:
    """Return the lines of a panel's vertical label."""
    return wrap(score, LABEL, width=height + OVERHANG)


def wrap_title(title: str, width: float) -> list[str]:
    return wrap(title, SIZE, width=width, weight="bold")


def _choose_columns(num_panels: int, width: float) -> int:
    """Return as many as fit; of those with as few rows the fewest."""
    most = max(min(3, int(width / NARROW_CELL)), int(width / WIDE_CELL), 1)
    rows = math.ceil(num_panels / most)
    return math.ceil(num_panels / rows)
