"""Finished runs: one task, two numbers of shots, two seeds."""

from pathlib import Path

import pytest

from evals.runner import run_all
from evals.summary import RunSummary
from tests.runner.calls import make_data, open_session


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, RunSummary]]:
    where = tmp_path_factory.mktemp("runs")
    data_dir = make_data("okvqa", where / "data")
    words = ("task=okvqa", "model=mock", "shots=[0,2]", "seed=[0,1]")
    paths = (f"data_dir={data_dir}", f"run_dir={where / 'runs'}")
    return list(run_all(open_session(*words, *paths)))


@pytest.fixture
def report_dir(tmp_path: Path) -> Path:
    """A folder as `evals report` makes it."""
    folder = tmp_path / "pages"
    (folder / "style").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Runs</h1>")
    (folder / "style" / "page.css").write_text("h1 {}")
    return folder
