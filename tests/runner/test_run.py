"""A run from plan to summary, on small official files, with the mock model."""

import json
from pathlib import Path

import pytest

from evals.errors import ConfigError, DataError, PromptError, ResultsError
from evals.records import Ranked, read_records
from evals.runner import run_all, score_run
from tests.runner.calls import Silent, evaluate, make_data, open_session

TASKS = ("vqav2", "okvqa", "coco", "textvqa", "hateful_memes")


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_answered_and_scored(task: str, shots: int, tmp_path: Path) -> None:
    run_dir, summary = evaluate(task, tmp_path, f"shots={shots}")
    records = list(read_records(run_dir))
    assert len(records) == summary.num_queries == summary.num_split > 0
    assert summary.headline in summary.scores
    assert {len(record.demonstrations) for record in records} == {
        2 if shots or task != "hateful_memes" else 0
    }
    assert summary.answered["data"]["queries"]["files"]
    assert summary.answered["pictures"]["count"] >= 1
    assert {"config.yaml", "identity.json", "plan.jsonl", "records.jsonl", "summary.json"} <= {
        path.name for path in run_dir.iterdir()
    }


def test_a_larger_limit_continues_the_run(tmp_path: Path) -> None:
    run_dir, part = evaluate("vqav2", tmp_path, "limit=2", "shots=2")
    first = (run_dir / "records.jsonl").read_bytes()
    plan = (run_dir / "plan.jsonl").read_text()
    _, whole = evaluate("vqav2", tmp_path, "shots=2")
    assert (run_dir / "records.jsonl").read_bytes().startswith(first)
    assert (run_dir / "plan.jsonl").read_text().startswith(plan)
    assert (part.num_queries, whole.num_queries) == (2, 4)
    _, afresh = evaluate("vqav2", tmp_path / "afresh", "shots=2")
    assert afresh.scores == whole.scores
    assert afresh.prompts_sha256 == whole.prompts_sha256
    assert afresh.plan_sha256 == whole.plan_sha256


def test_a_torn_last_line_is_answered_again(tmp_path: Path) -> None:
    run_dir, whole = evaluate("okvqa", tmp_path, "shots=2")
    path = run_dir / "records.jsonl"
    lines = path.read_bytes()
    path.write_bytes(lines[:-9])
    _, again = evaluate("okvqa", tmp_path, "shots=2")
    assert path.read_bytes() == lines
    assert again.scores == whole.scores


def test_a_finished_run_keeps_what_its_answers_were_made_from(tmp_path: Path) -> None:
    run_dir, summary = evaluate("textvqa", tmp_path)
    held = (run_dir / "answered.json").read_bytes()
    _, again = evaluate("textvqa", tmp_path)
    assert (run_dir / "answered.json").read_bytes() == held
    assert again.scores == summary.scores


def test_what_happens_to_the_model_is_said_in_the_summary_of_its_run(tmp_path: Path) -> None:
    """A call that goes on keeps what an earlier one said; its other runs say their own."""
    noting = "model._target_=tests.runner.noting.NotingSpec"
    _, part = evaluate("vqav2", tmp_path, noting, "limit=2")
    assert part.answered["notes"] == ["call 1 was hard"]
    session = open_session(
        *("task=vqav2", "model=mock", noting, "shots=2", "seed=[0,1]"),
        f"data_dir={tmp_path / 'data' / 'vqav2'}",
        f"run_dir={tmp_path / 'several'}",
    )
    said = [summary.answered["notes"] for _, summary in run_all(session)]
    assert said == [["call 1 was hard"], ["call 2 was hard"]]
    _, whole = evaluate("vqav2", tmp_path, noting)
    assert whole.answered["notes"] == ["call 1 was hard", "call 1 was hard"]


def test_a_folder_with_another_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path, "shots=2")
    before = {path: path.read_bytes() for path in run_dir.iterdir()}
    with pytest.raises(ResultsError, match=r"(?s)another run.*protocol\.decoding"):
        evaluate("vqav2", tmp_path, "shots=2", "protocol=openflamingo")
    assert {path: path.read_bytes() for path in run_dir.iterdir()} == before


def test_what_cannot_change_an_answer_is_not_in_the_identity(tmp_path: Path) -> None:
    _, one = evaluate("vqav2", tmp_path / "a", "shots=2")
    _, other = evaluate("vqav2", tmp_path / "b", "shots=2", "limit=3", "reference=[Flamingo-9B]")
    _, third = evaluate("vqav2", tmp_path / "c", "shots=2", "seed=1")
    assert one.hash == other.hash != third.hash


def test_several_runs_lie_under_run_dir_by_name(tmp_path: Path) -> None:
    data_dir = make_data("vqav2", tmp_path / "data")
    session = open_session(
        "task=vqav2",
        "model=mock",
        f"data_dir={data_dir}",
        f"run_dir={tmp_path / 'runs'}",
        "shots=[0,1]",
        "seed=[0,7]",
    )
    names = [run_dir.name for run_dir, _ in run_all(session)]
    assert [name.rpartition("-")[0] for name in names] == [
        "vqav2-mock-0shot-seed0",
        "vqav2-mock-0shot-seed7",
        "vqav2-mock-1shot-seed0",
        "vqav2-mock-1shot-seed7",
    ]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "runs").iterdir())


def test_scoring_again_needs_no_pictures_and_no_support(tmp_path: Path) -> None:
    run_dir, summary = evaluate("okvqa", tmp_path, "shots=2")
    data_dir = tmp_path / "data" / "okvqa"
    for picture in data_dir.rglob("*.jpg"):
        picture.unlink()
    (data_dir / "annotations" / "mscoco_train2014_annotations.json").unlink()
    (run_dir / "summary.json").unlink()
    assert score_run(run_dir, Silent()) == summary


def test_an_unfinished_run_is_not_scored(tmp_path: Path) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path, "shots=2")
    path = run_dir / "records.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(ResultsError, match="2 ids do not fit"):
        score_run(run_dir, Silent())


def test_openflamingo_averages_the_orders_of_the_demonstrations(tmp_path: Path) -> None:
    run_dir, _ = evaluate("hateful_memes", tmp_path, "shots=2", "protocol=openflamingo")
    for record in read_records(run_dir):
        assert isinstance(record.response, Ranked)
        assert len(record.response.logprobs) == 2
        assert record.response.logprobs[0] != record.response.logprobs[1]


def test_a_long_prompt_loses_whole_demonstrations_and_the_record_says_which(tmp_path: Path) -> None:
    _, whole = evaluate("vqav2", tmp_path / "whole", "shots=3")
    lengths = [record.num_prompt_tokens for record in read_records(tmp_path / "whole" / "run")]
    limit = max(lengths) + 15 - 1
    run_dir, summary = evaluate("vqav2", tmp_path, "shots=3", f"protocol.max_tokens.vqa={limit}")
    assert summary.num_dropped > 0 == whole.num_dropped
    assert summary.protocol_changes == ("max_tokens",)
    for record in read_records(run_dir):
        assert len(record.demonstrations) + len(record.dropped) == 3
        assert record.num_prompt_tokens <= limit - 15


def test_a_query_that_does_not_fit_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="without any demonstration"):
        evaluate("vqav2", tmp_path, "protocol.max_tokens.vqa=17")


def test_a_plan_made_elsewhere_is_followed(tmp_path: Path) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path / "a", "shots=3")
    plan = run_dir / "plan.jsonl"
    other_dir, other = evaluate("vqav2", tmp_path / "b", "shots=2", f"demonstrations.plan={plan}")
    assert other.sampler == "plan file"
    firsts = {record.id: record.demonstrations[:2] for record in read_records(run_dir)}
    assert firsts == {record.id: record.demonstrations for record in read_records(other_dir)}
    lines = plan.read_text().splitlines()
    plan.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(DataError, match="is not in it"):
        evaluate("vqav2", tmp_path / "c", "shots=2", f"demonstrations.plan={plan}")


def test_more_shots_than_support_examples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="50 demonstrations are asked for"):
        evaluate("vqav2", tmp_path, "shots=50")


def test_the_support_split_may_be_the_query_split(tmp_path: Path) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path, "support_split=val")
    for record in read_records(run_dir):
        # A question id is its picture's id times 1000 and a number.
        assert record.id[:-3] not in {shown[:-3] for shown in record.demonstrations}
        assert len(record.demonstrations) == 2


def test_files_named_for_the_queries_are_not_read_as_the_support_split(tmp_path: Path) -> None:
    data_dir = make_data("vqav2", tmp_path / "data" / "vqav2")
    questions = data_dir / "v2_OpenEnded_mscoco_val2014_questions.json"
    annotations = data_dir / "v2_mscoco_val2014_annotations.json"
    own = (f"questions={questions}", f"annotations={annotations}")
    run_dir, _ = evaluate("vqav2", tmp_path, *own)
    asked = {record.id for record in read_records(run_dir)}
    shown = {shown for record in read_records(run_dir) for shown in record.demonstrations}
    assert shown
    assert not shown & asked


def test_rices_needs_a_model_with_vision_features(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="vision features"):
        evaluate("vqav2", tmp_path, "demonstrations.sampler=rices", "shots=2")


def test_balanced_demonstrations_show_each_label_equally_often(tmp_path: Path) -> None:
    run_dir, _ = evaluate("hateful_memes", tmp_path, "shots=2", "demonstrations.sampler=balanced")
    rows = (tmp_path / "data" / "hateful_memes" / "train.jsonl").read_text().splitlines()
    labels = {str(row["id"]): row["label"] for row in map(json.loads, rows)}
    for record in read_records(run_dir):
        assert sorted(labels[support_id] for support_id in record.demonstrations) == [0, 1]


def test_a_split_without_answers_runs_and_says_unscored(tmp_path: Path) -> None:
    _, summary = evaluate("vqav2", tmp_path, "split=test-dev", "shots=2")
    assert summary.scores == {}
    assert "officially has no answers" in summary.unscored
