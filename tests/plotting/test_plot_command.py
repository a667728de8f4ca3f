"""`evals plot`, as a user meets it, and the same from Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.cli.guard import MISUSE, guard
from evals.cli.plotting import plot as plot_command
from evals.plotting import plot, save_figure
from evals.runner import run_all
from tests.runner.calls import evaluate, make_data, open_session


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real runs of the mock model: one benchmark at two numbers of shots, one at one."""
    where = tmp_path_factory.mktemp("plotted")
    data_dir = make_data("okvqa", where / "data" / "okvqa")
    paths = (f"data_dir={data_dir}", f"run_dir={where / 'runs'}")
    list(run_all(open_session("task=okvqa", "model=mock", "shots=[0,2]", "seed=[0,1]", *paths)))
    evaluate("hateful_memes", where, f"run_dir={where / 'runs' / 'memes'}")
    return where / "runs"


def test_the_command_draws_runs_and_prints_the_files_name(runs: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "evals", "plot", str(runs), "--reference", "Flamingo-9B"),
            *("--out", "deep/figure.svg", "--title", "Mine"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "deep/figure.svg\n"
    drawn = (tmp_path / "deep" / "figure.svg").read_text()
    for word in ("Mine", "OK-VQA", "Hateful Memes", "Flamingo-9B", "mock (idefics"):
        assert word in drawn


def test_python_draws_the_same_as_the_command(runs: Path, tmp_path: Path) -> None:
    plot_command([str(runs), "--benchmark", "okvqa", "--out", str(tmp_path / "a.png")])
    save_figure(plot(runs, benchmarks=["OKVQA"]), tmp_path / "b.png")
    assert _read_pixels(tmp_path / "a.png") == _read_pixels(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "figure.jpg"), "ends in .pdf, .png or .svg"),
        (("--out", "figure.pdf", "--reference", "Flamingo-7B"), "no reference Flamingo-7B"),
        (("--out", "figure.pdf", "--benchmark", "gqa"), "these runs are of"),
        (("--out", "figure.pdf", "--width", "1"), "give 2 to 50"),
        (("nowhere", "--out", "figure.pdf"), "nowhere: no run folder"),
    ],
)
def test_a_mistake_ends_with_one_message(
    arguments: tuple[str, ...], message: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = guard(lambda: plot_command([str(runs), *arguments]), ["plot"])
    assert code == MISUSE
    assert message in capsys.readouterr().err
    assert not Path("figure.pdf").exists()


def _read_pixels(path: Path) -> bytes:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.tobytes()
