"""Runs as the command line makes them, in this process and without its output."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from evals.compose import compose_config
from evals.config import parse_config
from evals.runner import Session, run_all
from evals.summary import RunSummary
from tests.official import OFFICIAL

T = TypeVar("T")


class Silent:
    """No progress is shown."""

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        yield from values

    @contextmanager
    def wait(self, description: str) -> Iterator[None]:
        yield


def make_data(task: str, folder: Path) -> Path:
    """Write a task's official files with a few rows."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        OFFICIAL[task](folder)
    return folder


def open_session(*overrides: str) -> Session:
    return Session(parse_config(compose_config(overrides)), Silent())


def evaluate(
    task: str, where: Path, *overrides: str, model: str = "mock"
) -> tuple[Path, RunSummary]:
    """Run one task on its small official files under `where`; return folder and summary."""
    data_dir = make_data(task, where / "data" / task)
    paths = (f"data_dir={data_dir}", f"run_dir={where / 'run'}")
    session = open_session(f"task={task}", f"model={model}", "shots=2", *paths, *overrides)
    (result,) = run_all(session)
    return result
