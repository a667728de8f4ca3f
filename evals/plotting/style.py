"""One style for every figure: legible small, to the colour-blind, and in black and white.

Runs are solid lines with filled markers in the colours of Okabe and Ito ("Color Universal Design",
2008), their yellow left out, which is too light for a line on white. Published series are dashed,
greyer, with open markers of other forms. Whatever the user's matplotlibrc says is set aside: the
same table gives the same figure everywhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

TITLE, SIZE, LABEL, SMALL = 8.5, 7.5, 7.0, 6.5
"""Of text, in points: the figure's title, a panel's title and the legend, the axes, the notes."""
LINE = 1.35 / 72
"""Inches that a line of text takes, of one point's size."""
DPI = 300
BAND = 0.18
"""How opaque the band of the seeds is."""

INK = "#222222"
FAINT = "#555555"
GRID = "#e3e3e3"

STYLE: Mapping[str, object] = {
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.labelsize": LABEL,
    "axes.linewidth": 0.6,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a $ in a model's name is a $
    "xtick.labelsize": LABEL,
    "ytick.labelsize": LABEL,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
    "xtick.major.width": 0.6,
    "legend.fontsize": SIZE,
    "legend.frameon": False,
    "legend.handlelength": 3.2,  # shows a whole period of every dash
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,  # TrueType: text that can be searched, and that journals accept
    "svg.fonttype": "none",  # text that can be edited
    "svg.hashsalt": "evals",  # ids from the content, not from chance
}

_RUN_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_RUN_MARKERS = ("o", "s", "^", "D", "v", "p", "h", "<", ">", "X", "P")
_REFERENCE_COLOURS = ("#555555", "#8a6a3f", "#8a5f7a", "#4f7f8c")
_REFERENCE_MARKERS = ("s", "^", "D", "v", "o", "<", ">", "p", "h")
_DASHES = ((4, 1.6), (1.2, 1.2), (6, 1.5, 1.2, 1.5), (7, 2.5), (2.5, 1.2, 1.2, 1.2, 1.2, 1.2))


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is drawn, in every panel alike."""

    colour: str
    marker: str
    dashes: tuple[float, ...]
    """On and off, in line widths; empty of a run, whose line is solid."""


def choose_looks(series: Iterable[tuple[str, bool]]) -> Mapping[str, Look]:
    """Return a look for each (series, whether it is published), in their order."""
    looks: dict[str, Look] = {}
    counts = {False: 0, True: 0}
    for name, is_published in series:
        if name not in looks:
            looks[name] = _look(counts[is_published], is_published=is_published)
            counts[is_published] += 1
    return looks


def make_line(look: Look, xs: Sequence[float] = (), ys: Sequence[float] = ()) -> "Line2D":
    """Return the line of a curve, or without points that of the legend."""
    from matplotlib.lines import Line2D

    return Line2D(
        xs,
        ys,
        color=look.colour,
        linestyle=(0, look.dashes) if look.dashes else "solid",
        linewidth=1.0 if look.dashes else 1.5,
        marker=look.marker,
        markersize=3.8 if look.dashes else 4.6,
        markerfacecolor="white" if look.dashes else look.colour,
        markeredgecolor=look.colour if look.dashes else "white",
        markeredgewidth=0.9 if look.dashes else 0.6,
    )


@contextmanager
def use_style() -> Iterator[None]:
    """Draw and save in this style, and leave matplotlib's settings as they were."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", STYLE))  # its type is a list of all the names
        yield


def _look(index: int, *, is_published: bool) -> Look:
    colours = _REFERENCE_COLOURS if is_published else _RUN_COLOURS
    markers = _REFERENCE_MARKERS if is_published else _RUN_MARKERS
    return Look(
        colour=colours[index % len(colours)],
        marker=markers[index % len(markers)],
        dashes=_DASHES[index % len(_DASHES)] if is_published else (),
    )
