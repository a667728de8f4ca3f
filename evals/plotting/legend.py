"""A figure's one legend: in the place of a missing panel where it fits, else beneath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from evals.plotting.grid import BENEATH, EDGE, Grid
from evals.plotting.style import BAND, SIZE, Look, make_line
from evals.plotting.words import has_band, wrap
from evals.report.curves import Panel

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

HANDLE = 0.5
"""Inches that the line and the gap before a label take."""
MAX_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class PlacedLegend:
    legend: "Legend"
    height: float
    left: float
    is_inside: bool
    """Whether it stands in the cells that no panel needs."""


def add_legend(
    figure: "Figure", panels: Sequence[Panel], looks: Mapping[str, Look], grid: Grid
) -> PlacedLegend:
    """Add the legend where it fits; its vertical place is the caller's."""
    x, _ = grid.find_axes(grid.num_panels)
    for indent in (grid.left, 0.1) if grid.num_free else ():
        room = grid.num_free * grid.cell_width - indent
        if all(_breaks_well(series, room - HANDLE) for series in looks):
            legend = _make_legend(figure, panels, looks, columns=1, width=room)
            _, height = _measure(figure, legend)
            if height <= grid.axes_height + BENEATH:
                return PlacedLegend(legend, height, x - grid.left + indent, is_inside=True)
            legend.remove()
    legend = _add_beneath(figure, panels, looks, room=grid.width - 2 * EDGE)
    _, height = _measure(figure, legend)
    return PlacedLegend(legend, height, EDGE, is_inside=False)


def _add_beneath(
    figure: "Figure", panels: Sequence[Panel], looks: Mapping[str, Look], *, room: float
) -> "Legend":
    """Add it in as many columns as there is room for."""
    for columns in range(min(len(looks), MAX_COLUMNS), 1, -1):
        legend = _make_legend(figure, panels, looks, columns=columns, width=room)
        if _measure(figure, legend)[0] <= room:
            return legend
        legend.remove()
    return _make_legend(figure, panels, looks, columns=1, width=room)


def _measure(figure: "Figure", legend: "Legend") -> tuple[float, float]:
    """Return width and height in inches."""
    box = legend.get_window_extent()
    return box.width / figure.dpi, box.height / figure.dpi


def _make_legend(
    figure: "Figure",
    panels: Sequence[Panel],
    looks: Mapping[str, Look],
    *,
    columns: int,
    width: float,
) -> "Legend":
    curves = [curve for panel in panels for curve in panel.curves]
    banded = {curve.series for curve in curves if has_band(curve)}
    marked = {curve.series for curve in curves}
    return figure.legend(
        [
            _make_handle(
                look if series in marked else replace(look, marker="none"),
                is_banded=series in banded,
            )
            for series, look in looks.items()
        ],
        ["\n".join(_break(series, width - HANDLE)) for series in looks],
        loc="upper left",
        ncols=columns,
        borderpad=0,
        borderaxespad=0,
        labelspacing=0.55,
        columnspacing=1.6,
        handletextpad=0.6,
    )


def _breaks_well(series: str, width: float) -> bool:
    """Whether a name has two lines at most, and no word is cut."""
    lines = _break(series, width)
    return len(lines) <= 2 and " ".join(lines) == series


def _break(series: str, width: float) -> list[str]:
    """Break a name first where its details begin, if it must be broken."""
    name, parenthesis, details = series.partition(" (")
    if len(wrap(series, SIZE, width=width)) < 2 or not parenthesis:
        return wrap(series, SIZE, width=width)
    return [*wrap(name, SIZE, width=width), *wrap(f"({details}", SIZE, width=width)]


def _make_handle(look: Look, *, is_banded: bool) -> "Artist":
    from matplotlib.patches import Patch

    line = make_line(look)
    if not is_banded:
        return line
    # A tuple is drawn as one handle, which matplotlib's types do not know.
    return cast("Artist", (Patch(color=look.colour, alpha=BAND, linewidth=0), line))
