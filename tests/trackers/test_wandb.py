"""Offline, as wandb does it without network: its files are read back."""

import os
from pathlib import Path
from typing import Any

import pytest
import wandb

from evals.errors import ConfigError
from evals.summary import RunSummary
from evals.trackers import make_series
from evals.trackers.wandb import WandbTracker
from tests.trackers.wandb_file import read_items, read_records

Runs = list[tuple[Path, RunSummary]]
FILES = ("config.yaml", "summary.json")


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for kind in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{kind}_DIR", str(tmp_path / kind))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")


def log(runs: Runs, where: Path, report_dir: Path | None = None, **settings: Any) -> list[Any]:
    """Log the first seed; return the records that wandb wrote."""
    tracker = WandbTracker(mode="offline", dir=str(where / "wandb-files"), **settings)
    tracker.check()
    told = tracker.log(make_series(runs, report_dir=report_dir)[0])
    wandb.teardown()  # its service writes on after the run has finished
    (file,) = (where / "wandb-files").rglob("*.wandb")
    assert told == f"wandb sync {file.parent}"
    return list(read_records(file))


def test_a_series_is_a_run_with_its_scores_at_its_shots(
    runs: Runs, tmp_path: Path, report_dir: Path
) -> None:
    records = log(runs, tmp_path, report_dir, tags=["nightly"])
    (run,) = [record.run for record in records if record.HasField("run")]
    assert run.project == "idefics-evals"
    assert run.display_name == "mock (idefics), seed 0"
    assert run.run_group == "mock (idefics)"
    assert list(run.tags) == ["nightly"]
    config = read_items(run.config.update)
    assert config["model"]["label"] == "mock"
    assert config["tasks"]["okvqa"]["split"] == "val"
    history = [record.history for record in records if record.HasField("history")]
    rows = {row.step.num: read_items(row.item) for row in history}
    for _, summary in runs:
        if summary.seed == 0:
            score = summary.scores["official"]
            row = rows[summary.shots]
            assert row["okvqa/official"] == 100 * score["value"]
            assert row["okvqa/official_standard_error"] == 100 * score["standard_error"]
    assert set(rows) == {0, 2}
    (artifact,) = [record.artifact for record in records if record.HasField("artifact")]
    assert artifact.type == "evaluation"
    assert sorted(entry.path for entry in artifact.manifest.contents) == [
        *(f"okvqa/{shots}-shot/{name}" for shots in (0, 2) for name in FILES),
        "report/index.html",
        "report/style/page.css",
    ]


def test_neither_command_line_nor_environment_is_recorded(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["evals", "tracker.key=word-of-the-line"])
    monkeypatch.setenv("MY_TOKEN", "word-of-the-environment")
    log(runs, tmp_path, project="mine", name="wide")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 1
    for path in written:
        assert b"word-of-the" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "ofline"}, "tracker.mode=ofline: one of online, offline, disabled"),
        ({"tags": "nightly"}, r"a list, e.g. tracker.tags=\[baseline\]"),
        ({}, "API key"),
    ],
)
def test_what_would_keep_scores_from_being_logged_is_said_before_the_run(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        WandbTracker(**settings).check()
