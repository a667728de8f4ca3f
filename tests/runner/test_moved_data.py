"""A run is scored again wherever its data are now; and says whether they are the same."""

import json
from pathlib import Path

import pytest

from evals.errors import ConfigError, DataError
from evals.report.comparability import list_reasons
from evals.runner import State, export_run, score_run, verify_run
from evals.summary import RunSummary
from tests.official import edit_json
from tests.runner.calls import Silent, evaluate, make_data

OTHER = "scored against other data than it was answered from"


@pytest.fixture
def moved(tmp_path: Path) -> tuple[Path, RunSummary, Path]:
    """A run whose data were moved after it: folder, summary, new place."""
    run_dir, summary = evaluate("vqav2", tmp_path)
    (tmp_path / "new").mkdir()
    place = (tmp_path / "data" / "vqav2").rename(tmp_path / "new" / "vqav2")
    return run_dir, summary, place


def test_a_given_folder_serves(moved: tuple[Path, RunSummary, Path], tmp_path: Path) -> None:
    run_dir, before, place = moved
    with pytest.raises(DataError, match="data_dir"):
        score_run(run_dir, Silent())
    paths = {"data_dir": str(place)}
    assert score_run(run_dir, Silent(), paths) == before
    assert export_run(run_dir, tmp_path, Silent(), paths).is_file()
    found = {found.what: found.state for found in verify_run(run_dir, Silent(), paths)}
    assert found["score official"] is found["pictures"] is State.HOLDS


def test_the_environments_folder_serves_where_the_recorded_one_is_gone(
    moved: tuple[Path, RunSummary, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, before, place = moved
    monkeypatch.setenv("EVALS_DATA_DIR", str(place.parent))
    assert score_run(run_dir, Silent()) == before


def test_the_environments_folder_is_not_asked_where_the_recorded_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, before = evaluate("vqav2", tmp_path)
    monkeypatch.setenv("EVALS_DATA_DIR", str(tmp_path / "elsewhere"))
    assert score_run(run_dir, Silent()) == before


def test_files_that_were_named_inside_the_folder_move_with_it(tmp_path: Path) -> None:
    data_dir = make_data("vqav2", tmp_path / "data" / "vqav2")
    questions = data_dir / "v2_OpenEnded_mscoco_val2014_questions.json"
    annotations = data_dir / "v2_mscoco_val2014_annotations.json"
    named = (f"questions={questions}", f"annotations={annotations}", f"image_dir={data_dir}")
    run_dir, before = evaluate("vqav2", tmp_path, *named)
    place = data_dir.rename(tmp_path / "new")
    assert score_run(run_dir, Silent(), {"data_dir": str(place)}) == before


def test_other_data_are_said_to_be_other(moved: tuple[Path, RunSummary, Path]) -> None:
    run_dir, before, place = moved
    assert OTHER not in list_reasons(before)

    def change(content: dict[str, list[dict[str, list[dict[str, str]]]]]) -> None:
        for row in content["annotations"][0]["answers"]:
            row["answer"] = "zebra"

    edit_json(place / "v2_mscoco_val2014_annotations.json", change)
    after = score_run(run_dir, Silent(), {"data_dir": str(place)})
    assert after.is_other_data
    assert OTHER in list_reasons(after)


def test_reformatted_data_are_the_same(moved: tuple[Path, RunSummary, Path]) -> None:
    run_dir, before, place = moved
    path = place / "v2_mscoco_val2014_annotations.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))
    assert score_run(run_dir, Silent(), {"data_dir": str(place)}) == before


def test_another_setting_cannot_be_given(moved: tuple[Path, RunSummary, Path]) -> None:
    with pytest.raises(
        ConfigError, match=r"shots: a run that is there .* only data_dir, image_dir"
    ):
        score_run(moved[0], Silent(), {"shots": "8"})
