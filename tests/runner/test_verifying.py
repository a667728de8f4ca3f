"""A run is held against its records, its files and its pictures."""

import json
from pathlib import Path

import pytest

from evals.errors import ResultsError
from evals.runner import State, verify_run
from evals.types import Image
from tests.official import write_picture
from tests.runner.calls import Silent, evaluate


def find(run_dir: Path) -> dict[str, State]:
    return {finding.what: finding.state for finding in verify_run(run_dir, Silent())}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return evaluate("vqav2", tmp_path)[0]


def test_a_run_that_nobody_touched_holds(run_dir: Path) -> None:
    before = {path: path.read_bytes() for path in run_dir.iterdir()}
    found = find(run_dir)
    assert {"identity", "plan", "prompts", "score official", "pictures"} < found.keys()
    assert sum(what.startswith("data file") for what in found) == 4
    assert set(found.values()) == {State.HOLDS}
    assert {path: path.read_bytes() for path in run_dir.iterdir()} == before


def test_the_checkpoint_files_of_the_tiny_model_are_looked_at(tmp_path: Path) -> None:
    found = find(evaluate("vqav2", tmp_path, model="tiny")[0])
    assert found["checkpoint file model.safetensors"] is State.HOLDS


def test_another_answer_in_the_records_changes_the_score(run_dir: Path) -> None:
    path = run_dir / "records.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[0]["text"] = "cat"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = find(run_dir)
    assert found["score official"] is State.CHANGED
    assert found["prompts"] is State.HOLDS


def test_another_direction_of_a_score_is_seen(run_dir: Path) -> None:
    path = run_dir / "summary.json"
    values = json.loads(path.read_text())
    values["scores"]["official"]["higher_is_better"] = False
    path.write_text(json.dumps(values))
    found = find(run_dir)
    assert found["score official"] is State.CHANGED
    assert found["score normalised"] is State.HOLDS


def test_another_prompt_hash_in_the_records_is_seen(run_dir: Path) -> None:
    path = run_dir / "records.jsonl"
    digest = json.loads(path.read_text().splitlines()[0])["prompt_sha256"]
    path.write_text(path.read_text().replace(digest, "0" * 64))
    assert find(run_dir)["prompts"] is State.CHANGED


def test_another_plan_is_seen(run_dir: Path) -> None:
    path = run_dir / "plan.jsonl"
    path.write_text(path.read_text() + "\n")
    assert find(run_dir)["plan"] is State.CHANGED


def test_another_picture_is_seen(run_dir: Path, tmp_path: Path) -> None:
    picture = next((tmp_path / "data" / "vqav2" / "val2014").iterdir())
    before = Image(picture).sha256
    write_picture(picture, shade=99)
    assert Image(picture).sha256 != before
    assert find(run_dir)["pictures"] is State.CHANGED


def test_data_that_are_gone_are_no_change(run_dir: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data" / "vqav2"
    data_dir.rename(tmp_path / "elsewhere")
    found = find(run_dir)
    assert found["scores"] is State.GONE
    assert found["pictures"] is State.GONE
    assert found["plan"] is State.HOLDS
    assert State.CHANGED not in found.values()


def test_fewer_queries_later_are_no_change(run_dir: Path, tmp_path: Path) -> None:
    """The pictures that were noted are those of more queries."""
    again, summary = evaluate("vqav2", tmp_path, "limit=2")
    assert (again, summary.num_queries) == (run_dir, 2)
    found = find(run_dir)
    assert found.pop("pictures") is State.GONE
    assert set(found.values()) == {State.HOLDS}


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="it is no run folder"):
        find(tmp_path)
