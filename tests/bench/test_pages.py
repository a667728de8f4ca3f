"""The bench of the report's pages runs and names what it measured."""

import subprocess
import sys

import pytest

from tests.pages.browsing import find_chromium


def test_every_view_and_filter_is_measured() -> None:
    if find_chromium() is None:
        pytest.skip("no chromium: apt-get install chromium, or set EVALS_CHROMIUM")
    # In a process of its own: of Playwright there can be one in a process.
    done = subprocess.run(
        [sys.executable, "-m", "evals.bench.pages", "--queries", "120"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in ("two runs of 120 queries", "first page, first view", "search", "open a query"):
        assert words in " ".join(done.stdout.split())
