"""The words of a figure: how wide they are, where they break, and what stands beneath it."""

import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from evals.report.curves import Curve, Panel
from evals.report.table import Table

_SUPERSCRIPTS = str.maketrans(
    "abcdefghijklmnoprstuvwxyz0123456789", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁰¹²³⁴⁵⁶⁷⁸⁹"
)
_LETTERS = string.ascii_lowercase.replace("q", "")
"""Without q, which has no superscript form."""

NO_BREAK = "\N{NO-BREAK SPACE}"

SLACK = 1.02
"""By how much a PNG's letters, which stand on whole dots, may be wider than they are."""

_BARS = {
    "interval": "Bars: 95 % interval of one seed.",
    "printed": "Bars of published scores: standard deviation over seeds.",
}


def mark_remarks(panels: Sequence[Panel]) -> Mapping[str, str]:
    """Return remark -> superscript mark, in the order of the panels."""
    remarks = dict.fromkeys(remark for panel in panels for remark in panel.remarks)
    return {remark: _mark(index) for index, remark in enumerate(remarks)}


def mark_title(panel: Panel, marks: Mapping[str, str]) -> str:
    """Return a panel's title, with the marks of what is not comparable in it."""
    own = "".join(mark for remark, mark in marks.items() if remark in panel.remarks)
    return f"{panel.benchmark}{NO_BREAK}{own}" if own else panel.benchmark


def list_notes(table: Table, panels: Sequence[Panel], marks: Mapping[str, str]) -> list[str]:
    """Return the paragraphs beneath a figure: what is comparable, what is drawn, from where."""
    notes = []
    if marks:
        notes.append(f"{'; '.join(map(_write_remark, marks.items()))}.")
    if explained := " ".join(_explain(panels)):
        notes.append(explained)
    if absent := _list_absent(table, panels):
        notes.append(f"Without a number here: {', '.join(absent)}.")
    notes += [f"Source of {_join(source)}." for source in table.sources]
    return notes


def wrap(text: str, size: float, *, width: float, weight: str = "normal") -> list[str]:
    """Break a text at spaces into lines no wider than `width` inches; a longer word is cut."""

    def fits(part: str) -> bool:
        return measure(part, size, weight) <= width

    lines = [""]
    for word in re.split(r"[ \n\t]+", text):
        for part in _cut(word, fits):
            longer = f"{lines[-1]} {part}".strip()
            if fits(longer):
                lines[-1] = longer
            else:
                lines.append(part)
    return [line for line in lines if line]


def has_band(curve: Curve) -> bool:
    """Whether the seeds span a band; at a single number of shots it would have no width."""
    return sum(point.spread == "seeds" for point in curve.points) > 1


@cache
def measure(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide a line is, in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return SLACK * width / 72


def _cut(word: str, fits: Callable[[str], bool]) -> Iterator[str]:
    while len(word) > 1 and not fits(word):
        length = len(word) - 1
        while length > 1 and not fits(word[:length]):
            length -= 1
        yield word[:length]
        word = word[length:]
    yield word


def _explain(panels: Sequence[Panel]) -> Iterator[str]:
    curves = [curve for panel in panels for curve in panel.curves]
    spreads = {point.spread for curve in curves for point in curve.points}
    if "seeds" in spreads:
        name = "Bands" if any(map(has_band, curves)) else "Bars"
        yield f"{name}: lowest to highest of several seeds."
    for spread, words in _BARS.items():
        if spread in spreads:
            yield words
    if any(curve.is_published for curve in curves):
        yield "Dashed, with open markers: published."
    if any(panel.levels for panel in panels):
        yield "Level lines: published, at no number of shots (fine-tuned)."


def _list_absent(table: Table, panels: Sequence[Panel]) -> list[str]:
    drawn = {curve.series for panel in panels for curve in panel.curves}
    drawn |= {level.series for panel in panels for level in panel.levels}
    return list(dict.fromkeys(block.series for block in table.blocks if block.series not in drawn))


def _mark(index: int) -> str:
    lap, position = divmod(index, len(_LETTERS))
    return (_LETTERS[position] + (str(lap + 1) if lap else "")).translate(_SUPERSCRIPTS)


def _write_remark(marked: tuple[str, str]) -> str:
    remark, mark = marked
    return f"{mark}{NO_BREAK}{_join(remark)}"


def _join(text: str) -> str:
    return " ".join(text.split())
