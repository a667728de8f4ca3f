"""The shots axis: a tick at each number of shots, zero included.

From the smallest positive number on it is logarithmic, and the step from zero to it is as wide as
a doubling: 0, 4, 8, 16, 32 stand evenly, as papers print them.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evals.plotting.style import LABEL
from evals.plotting.words import measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 0.28
"""Beside the first and the last number of shots, in doublings."""
GAP = 0.03
"""Inches between two labels at least."""


def set_shots(axes: "Axes", shots: Sequence[int]) -> None:
    """Make the axis of these numbers of shots, ascending."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    first = next((count for count in shots if count > 0), 1)
    places = [place_shots(count, first=first) for count in shots]
    doubling = measure_width(axes) / (places[-1] - places[0] + 2 * MARGIN)
    axes.set_xscale("symlog", base=2, linthresh=first, linscale=0.5)
    axes.xaxis.set_major_locator(FixedLocator(list(shots)))
    axes.xaxis.set_minor_locator(NullLocator())
    labels = _label(shots, [place * doubling for place in places])
    axes.xaxis.set_major_formatter(FixedFormatter(labels))
    axes.set_xlim(_invert(places[0] - MARGIN, first), _invert(places[-1] + MARGIN, first))


def place_shots(shots: int, *, first: int) -> float:
    """Return where a number of shots stands, in doublings from zero.

    Args:
        shots: the number.
        first: the smallest positive one on the axis.
    """
    return shots / first if shots <= first else 1 + math.log2(shots / first)


def measure_width(axes: "Axes") -> float:
    """Return how wide a panel's axes are, in inches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return float(axes.get_position().width * figure.get_figwidth())


def _invert(place: float, first: int) -> float:
    return place * first if place <= 1 else first * 2 ** (place - 1)


def _label(shots: Sequence[int], places: Sequence[float]) -> list[str]:
    """Return the labels; of two that would touch the later one is empty, its tick stays."""
    labels = []
    end = -math.inf
    for count, place in zip(shots, places, strict=True):
        half = measure(str(count), LABEL) / 2
        if fits := place - half > end:
            end = place + half + GAP
        labels.append(str(count) if fits else "")
    return labels
