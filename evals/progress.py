"""Progress on stderr, so that stdout holds the results alone.

In a terminal a bar with the rate and the time that is left; elsewhere (a log, CI) a line now and
then about long work, and nothing about short.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import length_hint
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

T = TypeVar("T")

MIN_SECONDS = 30.0
"""Between two lines of a log; work that takes less has none."""
MAX_SECONDS = 600.0
"""Between two lines of a log, however slow the work."""
MIN_SHARE = 0.1
"""Of the work, between two lines of a log, unless that takes `MAX_SECONDS`."""
RATE_SECONDS = 120.0
"""Over which a bar's rate is taken: answers come in batches."""
BAR_WIDTH = 20


class RichProgress:
    """A bar for what can be counted, a spinner for what cannot; without a terminal, lines."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(stderr=True)
        self._clock = clock

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        if not self._is_live():
            yield from self._log(values, description, total or length_hint(values) or None)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=BAR_WIDTH),
            MofNCompleteColumn(),
            _PaceColumn(),
        )
        with Progress(
            *columns, console=self._console, speed_estimate_period=RATE_SECONDS
        ) as progress:
            yield from progress.track(values, description=description, total=total)

    @contextmanager
    def wait(self, description: str) -> Iterator[None]:
        if not self._is_live():
            started = self._clock()
            yield
            seconds = self._clock() - started
            if seconds >= MIN_SECONDS:
                self._say(f"{description}: {format_duration(seconds)}")
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            progress.add_task(description, total=None)
            yield

    def _is_live(self) -> bool:
        return sys.stderr.isatty() and not self._console.is_dumb_terminal

    def _log(self, values: Iterable[T], description: str, total: int | None) -> Iterator[T]:
        started = told_at = self._clock()
        told = done = 0
        for done, value in enumerate(values, start=1):
            yield value
            now = self._clock()
            share = (done - told) / total if total else 0.0
            if _is_due(now - told_at, share) and done != total:
                self._say(f"{description}: {format_pace(done, total, now - started)}")
                told, told_at = done, now
        seconds = self._clock() - started
        if seconds >= MIN_SECONDS:
            self._say(f"{description}: {format_pace(done, None, seconds)}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _is_due(seconds: float, share: float) -> bool:
    return seconds >= MIN_SECONDS and (share >= MIN_SHARE or seconds >= MAX_SECONDS)


def format_pace(done: int, total: int | None, seconds: float) -> str:
    """Return how far it is, how fast and how long yet: `500 of 5,046, 3.2/s, 0:23:40 left`."""
    rate = done / seconds if seconds > 0 else 0.0
    if total is None:
        return f"{done:,} in {format_duration(seconds)}, {format_rate(rate)}"
    left = f", {format_duration((total - done) / rate)} left" if rate else ""
    return f"{done:,} of {total:,}, {format_rate(rate)}{left}"


def format_rate(rate: float) -> str:
    """Return a number a second, or a minute where that is below one."""
    if rate < 1:
        return f"{60 * rate:.1f}/min"
    return f"{rate:.1f}/s" if rate < 100 else f"{rate:,.0f}/s"


def format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class _PaceColumn(ProgressColumn):
    """The rate, and the time that is left; at the end the time that it took."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        if seconds := task.finished_time:
            rate = format_rate(task.completed / seconds)
            return Text(f"{rate}, {format_duration(seconds)}", style="progress.elapsed")
        left = task.time_remaining
        if not task.speed or left is None:
            return Text("-:--:-- left", style="progress.remaining")
        text = f"{format_rate(task.speed)}, {format_duration(left)} left"
        return Text(text, style="progress.remaining")
