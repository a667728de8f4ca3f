"""How quick the report's pages are with all of VQAv2: `python -m evals.bench.pages`.

Two runs of the mock on 214,354 generated questions become a report, and a real Chromium opens it
from disk, as a reader would. A page should show something within 3 s and filter within 1 s.
Needs playwright and Debian's chromium.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.bench.harness import measure_run
from evals.bench.questions import write_vqav2
from evals.errors import ConfigError
from evals.pages import write_report
from evals.progress import RichProgress

NUM_QUERIES = 214_354
SHOTS = (0, 4)
FIRST_VIEW, FILTER = 3.0, 1.0
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


class Timed(NamedTuple):
    what: str
    seconds: float
    limit: float | None = None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.pages", description=__doc__)
    parser.add_argument("--queries", type=int, default=NUM_QUERIES)
    options = parser.parse_args(arguments)
    chromium = os.environ.get("EVALS_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise ConfigError("no chromium: apt-get install chromium, or set EVALS_CHROMIUM")
    with tempfile.TemporaryDirectory(prefix="evals-pages-") as name:
        folder = Path(name)
        progress = RichProgress()
        with progress.wait("questions and answers"):
            write_vqav2(folder / "data", num_queries=options.queries)
            runs = [folder / f"{shots} shots" for shots in SHOTS]
            for run_dir, shots in zip(runs, SHOTS, strict=True):
                measure_run(folder / "data", run_dir, limit=options.queries, shots=shots)
        started = time.perf_counter()
        index = write_report(runs, folder / "report", progress=progress)
        written = Timed("write the report, two runs", time.perf_counter() - started)
        timed = [written, *measure_pages(index.parent, chromium)]
    _print(timed, options.queries)


def measure_pages(report: Path, chromium: str) -> list[Timed]:
    """Open a report of two runs as a reader would."""
    from playwright.sync_api import sync_playwright

    slugs = sorted(path.name for path in (report / "data").iterdir() if path.name != "all")
    queries = (report / "queries.html").as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        page = browser.new_page()

        def visit(address: str, awaited: str) -> float:
            page.goto("about:blank")
            return _time(lambda: (page.goto(address), page.wait_for_selector(awaited)))

        first_row, complete = "#rows tbody tr", '#status[data-ready="true"]'
        timed = [
            Timed(
                "first page, first view",
                visit((report / "index.html").as_uri(), "#curve-charts canvas"),
                FIRST_VIEW,
            ),
            Timed("queries, first view", visit(f"{queries}#run={slugs[0]}", first_row), FIRST_VIEW),
            Timed("queries, all of them", visit(f"{queries}#run={slugs[0]}", complete)),
            Timed("search, first time", _change(page, "text", "what"), FILTER),
            Timed("search, another word", _change(page, "text", "what c"), FILTER),
            Timed("filter by score", _change(page, "low", "50"), FILTER),
            Timed("sort by answer", _change(page, "sort", "answer up", event="change"), FILTER),
            Timed(
                "two runs, first view",
                visit(f"{queries}#run={slugs[0]}&beside={slugs[1]}", first_row),
                FIRST_VIEW,
            ),
            Timed("only what differs", _tick(page), FILTER),
            Timed("open a query", _open_query(page), FILTER),
        ]
        browser.close()
    return timed


def _time(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _change(page: Any, control: str, value: str, *, event: str = "input") -> float:
    """Return how long the page takes from a control's change to the rows it shows."""
    milliseconds: float = page.evaluate(
        """([id, value, event]) => {
            const control = document.getElementById(id);
            const started = performance.now();
            control.value = value;
            control.dispatchEvent(new Event(event));
            document.getElementById("rows").getBoundingClientRect();
            return performance.now() - started;
        }""",
        [control, value, event],
    )
    return milliseconds / 1000


def _tick(page: Any) -> float:
    page.wait_for_selector('#status[data-ready="true"]')
    return _time(lambda: page.check("#differ"))


def _open_query(page: Any) -> float:
    return _time(
        lambda: (
            page.click("#rows tbody tr >> nth=2"),
            page.wait_for_selector("#detail .prompt .query"),
        )
    )


def _print(timed: Sequence[Timed], num_queries: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = f"Pages of two runs of {num_queries:,} queries, opened from disk"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "seconds", "at most"):
        table.add_column(name, justify="left" if not name else "right")
    for each in timed:
        late = each.limit is not None and each.seconds > each.limit
        limit = "" if each.limit is None else f"{each.limit:.1f}"
        table.add_row(each.what, f"{each.seconds:.2f}", limit, style="red" if late else None)
    Console().print(table)


if __name__ == "__main__":
    main()
