from pathlib import Path

import pytest

from evals.errors import ConfigError
from evals.summary import RunSummary
from evals.trackers import make_series
from tests.report.made_runs import make_run

Runs = list[tuple[Path, RunSummary]]


def place(*runs: RunSummary) -> Runs:
    return [(Path(f"runs/{number}"), run) for number, run in enumerate(runs)]


def test_shots_are_steps_and_seeds_are_series(runs: Runs) -> None:
    first, second = make_series(runs)
    assert (first.label, first.seed, second.seed) == ("mock (idefics)", 0, 1)
    assert first.name() == "mock (idefics), seed 0"
    assert first.name("mine") == "mine, seed 0"
    assert list(first.points) == [0, 2]
    for run_dir, run in first.runs:
        score = run.scores["official"]["value"]
        assert first.points[run.shots]["okvqa/official"] == 100 * score
        assert first.files[f"okvqa/{run.shots}-shot/summary.json"] == run_dir / "summary.json"
        assert first.files[f"okvqa/{run.shots}-shot/config.yaml"] == run_dir / "config.yaml"


def test_tasks_share_a_series_and_models_do_not() -> None:
    runs = [make_run(task, shots=shots) for task in ("okvqa", "coco") for shots in (8, 0)]
    (one,) = make_series(place(*runs))
    assert list(one.points) == [0, 8]
    assert {"okvqa/raw_answers", "coco/cider"} <= set(one.points[0])
    labels = [series.label for series in make_series(place(*runs, make_run(model="other")))]
    assert labels == ["idefics-9b (idefics)", "other (idefics)"]


def test_a_zero_shot_run_without_demonstrations_stands_in_every_series_of_its_model() -> None:
    bare = make_run("hateful_memes", shots=0, support_split="")
    drawn = [make_run("hateful_memes", sampler=sampler) for sampler in ("random", "rices")]
    made = make_series(place(bare, *drawn))
    assert [list(series.points) for series in made] == [[0, 4], [0, 4]]


def test_two_values_for_one_step_are_refused() -> None:
    runs = place(make_run(split="val"), make_run(split="test"))
    with pytest.raises(ConfigError, match=r"runs/0 and runs/1 are both okvqa with 4 shots"):
        make_series(runs)


def test_equal_runs_make_an_equal_hash() -> None:
    one, other = make_run(shots=0), make_run(shots=4)
    (forwards,) = make_series(place(one, other))
    (backwards,) = make_series(place(other, one))
    (shorter,) = make_series(place(one))
    assert forwards.hash == backwards.hash != shorter.hash


def test_a_report_is_an_artifact_with_all_its_pages(report_dir: Path, tmp_path: Path) -> None:
    (made,) = make_series(place(make_run()), report_dir=report_dir)
    assert made.files == {
        "report/index.html": report_dir / "index.html",
        "report/style/page.css": report_dir / "style" / "page.css",
    }
    with pytest.raises(ConfigError, match="holds no report"):
        make_series(place(make_run()), report_dir=tmp_path / "nowhere")


def test_parameters_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "word-of-the-environment")
    model = {
        "checkpoint": "https://me:word-in-url@host/model",
        "revision": "word-of-the-environment",
        "fingerprint": "hf_abcdefghijklmnopqrstuvwx",
    }
    (made,) = make_series(place(make_run(answered={"model": model})))
    assert made.parameters["model"]["checkpoint"] == "https://<hidden>@host/model"
    for secret in ("word-in-url", "word-of-the-environment", "hf_abc"):
        assert secret not in str(made.parameters)
