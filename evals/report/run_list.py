"""A list of runs for the terminal: what does not fit beside each other stands beneath."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from evals.report.names import name_score
from evals.report.runs import ListedRun, RunState

_GAP = 2
_INDENT = 2
_JOINT = " · "
_STYLES = {
    RunState.RUNNING: "bold cyan",
    RunState.INTERRUPTED: "yellow",
    RunState.FINISHED: "green",
    RunState.BROKEN: "bold red",
}


class _Column(NamedTuple):
    head: str
    print: Callable[[ListedRun], str]
    right: bool = False
    is_kept: bool = True
    """Also where there is no room for it beside the others."""


_COLUMNS = (
    _Column("state", lambda run: str(run.state)),
    _Column("task", lambda run: f"{run.task} {run.split}".strip()),
    _Column("shots", lambda run: _print_number(run.shots), right=True),
    _Column("seed", lambda run: _print_number(run.seed), right=True),
    _Column("score", lambda run: _print_score(run), right=True),
    _Column("answered", lambda run: _print_answered(run), right=True),
    _Column("model", lambda run: run.model),
    _Column("protocol", lambda run: run.protocol),
    _Column("", lambda run: _name_score(run)),
    _Column("changed", lambda run: _print_time(run.changed), is_kept=False),
    _Column("", lambda run: run.remark),
    _Column("folder", lambda run: str(run.folder)),
)
"""The later, the sooner beneath."""


@dataclass(frozen=True, slots=True)
class _Printed:
    """A column's texts, one for each run."""

    column: _Column
    texts: tuple[str, ...]
    width: int

    def pad(self, text: str) -> str:
        blank = " " * (self.width - cell_len(text))
        return blank + text if self.column.right else text + blank


@dataclass(frozen=True, slots=True)
class _RunList:
    """Decides at printing time what stands side by side."""

    runs: Sequence[ListedRun]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return _draw(self.runs, options.max_width)


def render_runs(runs: Sequence[ListedRun]) -> RenderableType:
    """Lay runs out, one in one line or two, and count their states beneath."""
    return _RunList(runs)


def _draw(runs: Sequence[ListedRun], width: int) -> Iterator[RenderableType]:
    printed = [one for column in _COLUMNS if (one := _print_column(column, runs)).width]
    num_beside = _count_beside(printed, width)
    beside, beneath = printed[:num_beside], printed[num_beside:]
    yield Text(_join(one.pad(one.column.head) for one in beside), style="bold")
    for index, run in enumerate(runs):
        line = Text(_join(one.pad(one.texts[index]) for one in beside))
        line.stylize(_STYLES[run.state], 0, len(run.state))
        line.rstrip()
        yield line
        if beneath:
            yield _write_beneath(beneath, index, width)
    yield Text()
    yield Text(_count_states(runs), style="dim")


def _print_column(column: _Column, runs: Sequence[ListedRun]) -> _Printed:
    texts = tuple(map(column.print, runs))
    return _Printed(column, texts, width=max(map(cell_len, (column.head, *texts))))


def _count_beside(printed: Sequence[_Printed], width: int) -> int:
    used = -_GAP
    for index, one in enumerate(printed):
        used += _GAP + one.width
        if used > width:
            return max(1, index)
    return len(printed)


def _write_beneath(printed: Sequence[_Printed], index: int, width: int) -> RenderableType:
    """Return the folder, to be copied, and what else did not fit; broken between these only."""
    *others, folder = printed
    lines = [Text(folder.texts[index], style="cyan")]
    for one in others:
        text = one.texts[index]
        if not text or not one.column.is_kept:
            continue
        joint = "  " if lines[-1].plain == folder.texts[index] else _JOINT
        if len(lines[-1]) + len(joint) + cell_len(text) <= width - _INDENT:
            lines[-1].append(joint + text, style="dim")
        else:
            lines.append(Text(text, style="dim"))
    return Padding(Text("\n").join(lines), (0, 0, 0, _INDENT), expand=False)


def _join(texts: Iterable[str]) -> str:
    return (" " * _GAP).join(texts)


def _print_number(number: int | None) -> str:
    return "–" if number is None else str(number)


def _print_score(run: ListedRun) -> str:
    if run.value is None:
        return "–"
    digits = run.scale.unit.digits
    error = "" if run.standard_error is None else f" ±{run.standard_error:.{digits}f}"
    return f"{run.value:.{digits}f}{error}"


def _name_score(run: ListedRun) -> str:
    return f"{name_score(run.score).title}{run.scale.arrow}" if run.score else ""


def _print_answered(run: ListedRun) -> str:
    if run.num_answered is None:
        return "–"
    return f"{run.num_answered:,}/{'?' if run.num_asked is None else f'{run.num_asked:,}'}"


def _print_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def _count_states(runs: Sequence[ListedRun]) -> str:
    counts = Counter(run.state for run in runs)
    hints = {RunState.INTERRUPTED: " (the same command resumes)"}
    states = ", ".join(
        f"{counts[state]} {state}{hints.get(state, '')}" for state in RunState if counts[state]
    )
    return f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {states}"
