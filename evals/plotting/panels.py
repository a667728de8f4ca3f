"""One panel: a benchmark's scores against shots."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evals.plotting.shots import measure_width, set_shots
from evals.plotting.style import BAND, FAINT, Look, make_line
from evals.plotting.words import has_band
from evals.report.curves import Curve, Panel, Point
from evals.types import Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DODGE, SPACED = 2.2, 12.0
"""Points between the bars of two curves, which would hide each other; between any two curves, where
there is one number of shots alone (less where they are many)."""
MIN_RANGE = 2.0
"""A panel shows at least so many points of score: noise must not look like a slope."""
MIN_SHARE = 0.02
"""The same of plain numbers, whose size says nothing: of the largest of them."""


def draw_panel(axes: "Axes", panel: Panel, looks: Mapping[str, Look], shots: Sequence[int]) -> None:
    """Draw what is inside a panel's axes: its curves, their spreads, the shots."""
    set_shots(axes, shots)
    for level in panel.levels:
        look = looks[level.series]
        axes.axhline(
            level.value, color=look.colour, linestyle=(0, look.dashes), linewidth=1, zorder=1.9
        )
    aside = _place_aside(panel.curves, spaced=len(shots) == 1, width=measure_width(axes))
    for curve in panel.curves:
        _draw_curve(axes, curve, looks[curve.series], aside=aside.get(curve.series, 0.0))
    _set_limits(axes, panel)
    if not panel.curves and not panel.levels:
        axes.text(
            0.5, 0.5, "no number", transform=axes.transAxes, ha="center", va="center", color=FAINT
        )
        axes.set_yticks([])


def _draw_curve(axes: "Axes", curve: Curve, look: Look, *, aside: float) -> None:
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    transform = axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    zorder = 2.0 if curve.is_published else 3.0
    line = make_line(look, [p.shots for p in curve.points], [p.value for p in curve.points])
    line.set(transform=transform, zorder=zorder)
    axes.add_line(line)
    if has_band(curve):
        spanned = [point for point in curve.points if point.spread == "seeds"]
        axes.fill_between(
            [point.shots for point in spanned],
            [point.low for point in spanned],
            [point.high for point in spanned],
            color=look.colour,
            alpha=BAND,
            linewidth=0,
            zorder=zorder - 0.5,
        )
    if bars := _list_bars(curve):
        axes.errorbar(
            [point.shots for point in bars],
            [point.value for point in bars],
            yerr=[[p.value - p.low for p in bars], [p.high - p.value for p in bars]],
            fmt="none",
            ecolor=look.colour,
            elinewidth=0.8,
            capsize=1.6,
            capthick=0.8,
            transform=transform,
            zorder=zorder - 0.2,
        )


def _place_aside(curves: Sequence[Curve], *, spaced: bool, width: float) -> Mapping[str, float]:
    """Return by how many points curves stand aside from their shots, where they would overlap."""
    names = [curve.series for curve in curves if spaced or _list_bars(curve)]
    step = min(SPACED, 72 * width / (len(names) + 1)) if spaced else DODGE
    return {name: step * (index - (len(names) - 1) / 2) for index, name in enumerate(names)}


def _list_bars(curve: Curve) -> list[Point]:
    """Return the points whose spread is drawn as a bar."""
    in_band = "seeds" if has_band(curve) else None
    return [point for point in curve.points if point.spread not in (None, in_band)]


def _set_limits(axes: "Axes", panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    points = [point for curve in panel.curves for point in curve.points]
    ends = [end for point in points for end in (point.low, point.high)]
    ends += [level.value for level in panel.levels]
    if ends:
        low, high = min(ends), max(ends)
        largest = max(abs(low), abs(high)) or 1.0
        least = MIN_RANGE if panel.scale.unit is Unit.POINTS else MIN_SHARE * largest
        pad = max(0.07 * (high - low), (least - (high - low)) / 2)
        axes.set_ylim(low - pad, high + pad)
