"""The bench of the report's pages runs and names what it measured."""

import pytest

from evals.bench.pages import main
from tests.pages.browsing import find_chromium


def test_every_view_and_filter_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    if find_chromium() is None:
        pytest.skip("no chromium: apt-get install chromium, or set EVALS_CHROMIUM")
    main(["--queries", "120"])
    printed = capsys.readouterr().out
    for words in ("two runs of 120 queries", "first page, first view", "search", "open a query"):
        assert words in printed
