"""Event files, read back with TensorBoard's own reader."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util.tensor_util import make_ndarray

from evals.summary import RunSummary
from evals.trackers import make_series
from evals.trackers.tensorboard import TensorboardTracker

Runs = list[tuple[Path, RunSummary]]


def read(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def read_scalar(events: EventAccumulator, name: str) -> list[tuple[int, float]]:
    return [(event.step, make_ndarray(event.tensor_proto).item()) for event in events.Tensors(name)]


def test_a_series_is_a_folder_with_its_scores_at_its_shots(
    runs: Runs, tmp_path: Path, report_dir: Path
) -> None:
    tracker = TensorboardTracker(dir=str(tmp_path / "board"))
    tracker.check()
    for series in make_series(runs, report_dir=report_dir):
        assert tracker.log(series) == f"tensorboard --logdir {tmp_path / 'board'}"
    first, second = sorted((tmp_path / "board").iterdir())
    assert first.name.startswith("mock-idefics-seed-0-")
    assert second.name.startswith("mock-idefics-seed-1-")
    events = read(first)
    for ending, key in (("", "value"), ("_standard_error", "standard_error")):
        assert read_scalar(events, f"okvqa/official{ending}") == [
            (run.shots, pytest.approx(100 * run.scores["official"][key]))
            for _, run in runs
            if run.seed == 0
        ]
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = HParamsPluginData.FromString(content).session_start_info.hparams
    assert settings["model.label"].string_value == "mock"
    assert settings["demonstrations.seed"].number_value == 0
    assert (first / "okvqa" / "2-shot" / "summary.json").is_file()
    assert (first / "report" / "style" / "page.css").is_file()


def test_logged_again_a_series_stands_there_once(runs: Runs, tmp_path: Path) -> None:
    tracker, series = TensorboardTracker(dir=str(tmp_path)), make_series(runs)[0]
    for _ in range(2):
        tracker.log(series)
    (folder,) = tmp_path.iterdir()
    assert [step for step, _ in read_scalar(read(folder), "okvqa/official")] == [0, 2]


def test_other_runs_have_a_folder_of_their_own(runs: Runs, tmp_path: Path) -> None:
    tracker = TensorboardTracker(dir=str(tmp_path))
    for some in (runs, runs[:1]):
        tracker.log(make_series(some)[0])
    assert len(list(tmp_path.iterdir())) == 2
