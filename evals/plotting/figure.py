"""Scores against shots as a figure: a panel a benchmark, one legend, notes beneath.

Everything is placed in inches, and the height follows from what there is to say.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evals.errors import ResultsError, list_problems
from evals.plotting.grid import EDGE, Grid, make_grid, wrap_score, wrap_title
from evals.plotting.legend import add_legend
from evals.plotting.panels import draw_panel
from evals.plotting.style import FAINT, INK, LINE, SMALL, TITLE, choose_looks, use_style
from evals.plotting.words import list_notes, mark_remarks, mark_title, wrap
from evals.report.curves import Panel, make_panels
from evals.report.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_figure(table: Table, *, width: float | None = None, title: str | None = None) -> "Figure":
    """Draw a table's scores against shots.

    Args:
        table: runs and published series (evals.report.table).
        width: in inches; without it a page's, or less where there are few panels.
        title: instead of the table's; an empty one leaves none.

    Raises:
        ConfigError: no figure has this width.
        ResultsError: no run has a number.
    """
    panels = make_panels(table)
    if all(curve.is_published for panel in panels for curve in panel.curves):
        reasons = dict.fromkeys(remark for panel in panels for remark in panel.remarks)
        raise ResultsError(f"no run has a number to draw:\n{list_problems(reasons)}")
    with use_style():
        return _draw(table, panels, width, table.title if title is None else title)


def _draw(table: Table, panels: Sequence[Panel], width: float | None, title: str) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    marks = mark_remarks(panels)
    titles = [mark_title(panel, marks) for panel in panels]
    grid = make_grid(panels, titles, width)
    figure = Figure(figsize=(grid.width, 1))
    FigureCanvasAgg(figure)  # measures text; PDF and SVG are saved with canvases of their own
    looks = choose_looks(_list_series(table, panels))
    text_width = grid.width - 2 * EDGE
    head = wrap(title, TITLE, width=text_width, weight="bold")
    notes = [
        line
        for note in list_notes(table, panels, marks)
        for line in wrap(note, SMALL, width=text_width)
    ]
    placed = add_legend(figure, panels, looks, grid)
    legend_height = 0.0 if placed.is_inside else placed.height + 0.12
    top = EDGE + len(head) * TITLE * LINE
    bottom = EDGE + len(notes) * SMALL * LINE
    height = top + grid.height + legend_height + bottom
    figure.set_size_inches(grid.width, height)
    _, y = grid.find_axes(len(panels))
    upper = height - top - y if placed.is_inside else bottom + legend_height - 0.04
    placed.legend.set_bbox_to_anchor((placed.left, upper), transform=figure.dpi_scale_trans)
    _write(figure, head, TITLE, top=height - EDGE, weight="bold", colour=INK)
    _write(figure, notes, SMALL, top=bottom - 0.02, weight="normal", colour=FAINT)
    shots = sorted({row.shots for b in table.blocks for row in b.rows if row.shots is not None})
    for index, panel in enumerate(panels):
        axes = _add_axes(figure, grid, index, top=height - top)
        draw_panel(axes, panel, looks, shots)
        lines = wrap_title(titles[index], grid.cell_width - grid.left)
        axes.set_title("\n".join(lines), loc="left", pad=5, weight="bold")
        axes.set_xlabel("shots", labelpad=2)
        axes.set_ylabel("\n".join(wrap_score(panel.axis, grid.axes_height)), labelpad=2)
    return figure


def _add_axes(figure: "Figure", grid: Grid, index: int, *, top: float) -> "Axes":
    x, y = grid.find_axes(index)
    width, height = figure.get_size_inches()
    lower = top - y - grid.axes_height
    box = (x / width, lower / height, grid.axes_width / width, grid.axes_height / height)
    return figure.add_axes(box)


def _write(
    figure: "Figure", lines: Sequence[str], size: float, *, top: float, weight: str, colour: str
) -> None:
    """Write lines one beneath the other, from `top` inches above the figure's lower edge."""
    for index, line in enumerate(lines):
        figure.text(
            EDGE,
            top - index * size * LINE,
            line,
            size=size,
            weight=weight,
            color=colour,
            va="top",
            transform=figure.dpi_scale_trans,
        )


def _list_series(table: Table, panels: Sequence[Panel]) -> list[tuple[str, bool]]:
    """Return what is drawn in any panel, and whether it is published, in the table's order."""
    drawn = {curve.series: curve.is_published for panel in panels for curve in panel.curves}
    drawn |= {level.series: True for panel in panels for level in panel.levels}
    order = dict.fromkeys(block.series for block in table.blocks)
    return [(series, drawn[series]) for series in order if series in drawn]
