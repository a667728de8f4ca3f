"""How far a call is: rich's bars in a terminal, a line that renews itself in a notebook."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from evals.runner import Progress

T = TypeVar("T")

BAR_WIDTH = 20
REFRESH_SECONDS = 0.2


def choose_progress(*, shown: bool) -> "Progress":
    """Return what shows progress here.

    A notebook is no terminal, and rich's bars need ipywidgets there.
    """
    if not shown:
        return Silent()
    if "ipykernel" in sys.modules:
        return NotebookProgress()
    from evals.progress import RichProgress

    return RichProgress()


class Silent:
    """No progress is shown."""

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        yield from values

    @contextmanager
    def wait(self, description: str) -> Iterator[None]:
        yield


class NotebookProgress:
    """A line on stderr that starts with a carriage return, which every notebook understands."""

    def __init__(self) -> None:
        self._width = 0
        """Of the line that is shown."""

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        from evals.progress import format_pace

        started = time.monotonic()
        shown_at, done = started - REFRESH_SECONDS, 0
        for done, value in enumerate(values, start=1):
            yield value
            now = time.monotonic()
            if now - shown_at >= REFRESH_SECONDS or done == total:
                pace = format_pace(done, total, now - started)
                self._show(f"{description} {_draw_bar(done, total)}{pace}")
                shown_at = now
        if done:
            self._end()

    @contextmanager
    def wait(self, description: str) -> Iterator[None]:
        self._show(f"{description} ...")
        try:
            yield
        finally:
            self._show("")

    def _show(self, line: str) -> None:
        sys.stderr.write(f"\r{line.ljust(self._width)}")
        sys.stderr.flush()
        self._width = len(line)

    def _end(self) -> None:
        sys.stderr.write("\n")
        sys.stderr.flush()
        self._width = 0


def _draw_bar(done: int, total: int | None) -> str:
    if not total:
        return ""
    filled = BAR_WIDTH * done // total
    return f"{'━' * filled}{'─' * (BAR_WIDTH - filled)} "
