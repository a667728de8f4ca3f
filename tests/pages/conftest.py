"""A browser, and reports to open in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from evals.files import cache_dir
from evals.mini import ensure_mini
from evals.pages import write_report
from evals.report.references import load_references, select_references
from evals.runner import run_all
from tests.pages.browsing import QUIET, Watched, find_chromium, watch
from tests.runner.calls import Silent, open_session


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium, or set EVALS_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Watched]:
    """A page; whatever it complains of fails the test."""
    with watch(browser, viewport={"width": 1400, "height": 900}) as watched:
        yield watched
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith(("file:", "about:"))] == []


@dataclass(frozen=True)
class Made:
    report: Path
    runs: tuple[Path, ...]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Mini benchmarks answered by the mock, 0 and 2 shots, as a report beside Flamingo-9B."""
    folder = tmp_path_factory.mktemp("pages")
    mini = ensure_mini(cache_dir())
    runs = []
    for task, limit in (("okvqa", 120), ("hateful_memes", 20), ("vqav2", 30)):
        session = open_session(
            f"task={task}",
            "model=mock",
            "shots=[0,2]",
            f"limit={limit}",
            f"data_dir={mini / task}",
            f"run_dir={folder / 'runs'}",
        )
        runs += [run_dir for run_dir, _ in run_all(session)]
    report = folder / "report"
    write_report(
        runs,
        report,
        references=select_references(load_references(), ["Flamingo-9B"]),
        num_examples=5,
        progress=Silent(),
    )
    return Made(report, tuple(runs))
