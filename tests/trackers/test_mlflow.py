"""Against a real store: what is logged is read back with MLflow's own client."""

import re
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from evals.errors import ConfigError
from evals.summary import RunSummary
from evals.trackers import make_series
from evals.trackers.mlflow import MAX_METRICS, MlflowTracker
from tests.report.made_runs import make_run, make_score

Runs = list[tuple[Path, RunSummary]]
FILES = ("config.yaml", "summary.json")


@pytest.fixture(autouse=True)
def _file_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """What mlflow-skinny can do without a server; and it is not to phone home."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def store(tmp_path: Path) -> str:
    return (tmp_path / "mlruns").as_uri()


def read_runs(store: str, experiment: str = "idefics-evals") -> list[Any]:
    client = MlflowClient(tracking_uri=store)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return sorted(client.search_runs([found.experiment_id]), key=lambda run: run.info.run_name)


def list_artifacts(client: MlflowClient, run_id: str, folder: str | None = None) -> list[str]:
    files = []
    for entry in client.list_artifacts(run_id, folder):
        files += list_artifacts(client, run_id, entry.path) if entry.is_dir else [entry.path]
    return files


def test_a_series_is_a_run_with_its_scores_at_its_shots(
    runs: Runs, store: str, report_dir: Path
) -> None:
    tracker = MlflowTracker(tracking_uri=store)
    tracker.check()
    for series in make_series(runs, report_dir=report_dir):
        where = tracker.log(series)
        assert where.endswith(f" in {store}")
    first, second = read_runs(store)
    assert [run.info.run_name for run in (first, second)] == [
        "mock (idefics), seed 0",
        "mock (idefics), seed 1",
    ]
    assert first.info.status == "FINISHED"
    client = MlflowClient(tracking_uri=store)
    summaries = {run.shots: run for _, run in runs if run.seed == 0}
    for ending, key in (("", "value"), ("_standard_error", "standard_error")):
        history = client.get_metric_history(first.info.run_id, f"okvqa/official{ending}")
        assert {point.step: point.value for point in history} == pytest.approx(
            {shots: 100 * run.scores["official"][key] for shots, run in summaries.items()}
        )
    assert first.data.params["model.label"] == "mock"
    assert first.data.params["demonstrations.seed"] == "0"
    assert first.data.params["tasks.okvqa.split"] == "val"
    assert first.data.params["runs.okvqa-2-shot"] == summaries[2].hash
    assert first.data.tags["evals.series"] == "mock (idefics)"
    assert sorted(list_artifacts(client, first.info.run_id)) == [
        *(f"okvqa/{shots}-shot/{name}" for shots in (0, 2) for name in FILES),
        "report/index.html",
        "report/style/page.css",
    ]


def test_experiment_and_name_are_the_users(runs: Runs, store: str) -> None:
    tracker = MlflowTracker(tracking_uri=store, experiment="ablation", run_name="wide")
    for _ in range(2):  # the second finds the experiment
        tracker.log(make_series(runs)[0])
    assert [run.info.run_name for run in read_runs(store, "ablation")] == ["wide, seed 0"] * 2


def test_names_that_mlflow_refuses_are_written_otherwise(store: str) -> None:
    run = make_run(task="okvqa", scores={"top@5 (%)": make_score(0.5)})
    MlflowTracker(tracking_uri=store).log(make_series([(Path("run"), run)])[0])
    assert read_runs(store)[0].data.metrics["okvqa/top_5 ___"] == 50


def test_more_numbers_than_one_call_takes(store: str) -> None:
    scores = {f"score{number}": make_score(0.5) for number in range(MAX_METRICS // 4 + 10)}
    runs = [(Path(f"{shots}"), make_run(shots=shots, scores=scores)) for shots in (0, 4)]
    (series,) = make_series(runs)
    assert sum(map(len, series.points.values())) > MAX_METRICS
    MlflowTracker(tracking_uri=store).log(series)
    assert read_runs(store)[0].data.metrics["okvqa/score9"] == 50


def test_a_run_that_could_not_be_logged_is_marked(store: str) -> None:
    run = make_run(scores={"long" * 70: make_score(0.5)})
    with pytest.raises(mlflow.exceptions.MlflowException, match="maximum length"):
        MlflowTracker(tracking_uri=store).log(make_series([(Path("run"), run)])[0])
    assert read_runs(store)[0].info.status == "FAILED"


@pytest.mark.parametrize("uri", ["ftp://host", "mlruns"])
def test_a_store_that_cannot_be_had_is_said_before_the_run(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    with pytest.raises(ConfigError, match=f"{re.escape(uri)}(.|\n)*pip install sqlalchemy"):
        MlflowTracker(tracking_uri=uri).check()


def test_the_environments_server_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "ftp://of-the-environment")
    with pytest.raises(ConfigError, match="ftp://of-the-environment"):
        MlflowTracker().check()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    MlflowTracker().check()  # asks no server
