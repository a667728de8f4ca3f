"""`evals run tracker=...` and `evals track` as a user meets them: real processes, real failures."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evals.cli.tracking import track
from evals.errors import ConfigError, ResultsError
from evals.summary import RunSummary
from tests.runner.calls import make_data

REPOSITORY = Path(__file__).parent.parent.parent
Runs = list[tuple[Path, RunSummary]]
BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("mlflow", "wandb", "tensorboard"):
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Absent())
"""
"""A machine where none of the trackers' packages is installed."""


def evals(
    *words: str, cwd: Path, before: str = "", **variables: str
) -> "subprocess.CompletedProcess[str]":
    program = f"{before}\nimport sys\nfrom evals.cli import main\nsys.argv[0] = 'evals'\nmain()"
    environment = {key: value for key, value in os.environ.items() if key != "EVALS_DATA_DIR"}
    environment["PYTHONPATH"] = os.pathsep.join([str(cwd), str(REPOSITORY)])
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment | variables,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("work")
    make_data("okvqa", where / "data" / "okvqa")
    return where


def test_a_server_that_is_away_costs_no_score(folder: Path) -> None:
    words = ("run", "task=okvqa", "model=mock", "shots=[0,2]", "run_dir=runs", "tracker=mlflow")
    secret = "tracker.tracking_uri=http://me:word-in-url@127.0.0.1:9"
    away = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = evals(*words, secret, cwd=folder, **away)
    assert done.returncode == 0, done.stderr
    (kept, other) = json.loads(done.stdout.splitlines()[-1])["runs"]
    assert kept["scores"]
    for run in (kept, other):
        assert (folder / run["run_dir"] / "summary.json").is_file()
    assert done.stderr.count("warning: scores are written, but not logged") == 1
    assert "`mock (idefics), seed 0`: MlflowException" in done.stderr
    assert "Traceback" not in done.stderr
    (command,) = re.findall(r"to log them later: (.*)", done.stderr)
    assert shlex.split(command) == [
        *("evals", "track", kept["run_dir"], other["run_dir"], "tracker=mlflow"),
        "tracker.tracking_uri=<hidden>",
    ]
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for text in (done.stdout.encode(), done.stderr.encode(), *written):
        assert b"word-in-url" not in text


@pytest.mark.parametrize("name", ["mlflow", "wandb", "tensorboard"])
def test_a_package_that_is_missing_is_one_error_before_the_run(name: str, folder: Path) -> None:
    words = ("run", "task=okvqa", "model=mock", "shots=0", f"run_dir=not-{name}", f"tracker={name}")
    done = evals(*words, cwd=folder, before=BLOCKED)
    assert done.returncode == 2
    assert f"pip install 'idefics-evals[{name}]'" in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert not (folder / f"not-{name}").exists()


def test_a_tracker_of_ones_own_needs_a_class_and_its_runs_no_package(folder: Path) -> None:
    """The example of docs/trackers.md, run; then scored where nothing is installed."""
    text = (REPOSITORY / "docs" / "trackers.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (folder / "my_tracker.py").write_text(example)
    (command,) = re.findall(r"^PYTHONPATH=\. evals (run .*)$", text, re.MULTILINE)
    words = (*shlex.split(command), "model=mock", "shots=[0,2]", "run_dir=own")
    done = evals(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "logged mock (idefics), seed 0: mine.jsonl" in done.stderr
    runs = json.loads(done.stdout.splitlines()[-1])["runs"]
    rows = [json.loads(line) for line in (folder / "mine.jsonl").read_text().splitlines()]
    assert [row["shots"] for row in rows] == [0, 2]
    for row, run in zip(rows, runs, strict=True):
        assert row["okvqa/official"] == run["scores"]["official"]
    scored = evals("score", runs[0]["run_dir"], cwd=folder, before=BLOCKED)
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout.splitlines()[-1]) == runs[0]
    assert len((folder / "mine.jsonl").read_text().splitlines()) == 2


def test_finished_runs_are_logged_with_their_report(
    runs: Runs, tmp_path: Path, report_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(run_dir) for run_dir, _ in runs]
    board = tmp_path / "board"
    words = ["tracker=tensorboard", f"tracker.dir={board}", "--report", str(report_dir)]
    track([*folders, *words])
    assert capsys.readouterr().out.splitlines() == [
        f"mock (idefics), seed {seed}: tensorboard --logdir {board}" for seed in (0, 1)
    ]
    assert len(list(board.glob("*/report/index.html"))) == 2


def test_what_cannot_be_tracked_is_said(runs: Runs, tmp_path: Path) -> None:
    run_dir = str(runs[0][0])
    with pytest.raises(ConfigError, match="name a tracker"):
        track([run_dir])
    with pytest.raises(ConfigError, match="takes run folders"):
        track(["tracker=tensorboard"])
    with pytest.raises(ResultsError, match="it is no run folder"):
        track([str(tmp_path), "tracker=tensorboard"])
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"not logged: mock \(idefics\), seed 0: .*Error: "):
        track([run_dir, "tracker=tensorboard", f"tracker.dir={tmp_path / 'file'}"])
