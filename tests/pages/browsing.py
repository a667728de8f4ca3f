"""A real Chromium that opens pages from disk, and everything that it complains of."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    return os.environ.get("EVALS_CHROMIUM") or shutil.which("chromium")


@dataclass
class Watched:
    """A page and what happened on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, report: Path, name: str, **state: str) -> None:
        """Open a page of a report from disk and wait until it is complete."""
        from urllib.parse import urlencode

        self.page.goto("about:blank")  # another hash alone would not load the page again
        address = (report / name).as_uri() + (f"#{urlencode(state)}" if state else "")
        self.page.goto(address)
        if name == "queries.html":
            self.wait_until_complete()

    def wait_until_complete(self) -> None:
        self.page.wait_for_selector('#status[data-ready="true"]')

    def rows(self) -> list[list[str]]:
        """The cells of the list's rows on the page that is shown."""
        cells: list[list[str]] = self.page.eval_on_selector_all(
            "#rows tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
        )
        return cells

    def status(self) -> str:
        return self.page.inner_text("#status")


@contextmanager
def watch(browser: Browser, **options: Any) -> Iterator[Watched]:
    context = browser.new_context(**options)
    watched = Watched(context.new_page())
    watched.page.on(
        "console",
        lambda message: (
            watched.complaints.append(message.text)
            if message.type in ("error", "warning")
            else None
        ),
    )
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.on("request", lambda request: watched.requests.append(request.url))
    try:
        yield watched
    finally:
        context.close()
