"""Whole runs of the shipped checkpoint: what must not change an answer, and what it agrees with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from evals.config import TaskSettings
from evals.records import Generated, Ranked, Record, read_records
from evals.resources import tiny_checkpoint_dir
from evals.runner import run_all
from evals.runner.features import compute_features
from evals.summary import RunSummary
from tests.runner.calls import open_session

REPOSITORY = Path(__file__).parents[2]


def evaluate_mini(where: Path, *overrides: str) -> tuple[dict[str, Record], RunSummary]:
    session = open_session("model=tiny", f"run_dir={where}", "limit=10", "shots=2", *overrides)
    ((run_dir, summary),) = run_all(session)
    return {record.id: record for record in read_records(run_dir)}, summary


def assert_same_answers(one: dict[str, Record], other: dict[str, Record]) -> None:
    """Equal but for the float noise of the log-probabilities."""
    assert one.keys() == other.keys()
    for query_id, record in one.items():
        again = other[query_id]
        assert record.prompt_sha256 == again.prompt_sha256
        assert record.demonstrations == again.demonstrations
        assert record.num_prompt_tokens == again.num_prompt_tokens
        if isinstance(record.response, Generated):
            assert isinstance(again.response, Generated)
            assert record.response.text == again.response.text
            assert record.response.token_ids == again.response.token_ids
            assert record.response.finish_reason == again.response.finish_reason
            assert record.response.logprob == pytest.approx(again.response.logprob, abs=1e-5)
        else:
            assert isinstance(again.response, Ranked)
            assert record.response.num_tokens == again.response.num_tokens
            assert np.allclose(record.response.logprobs, again.response.logprobs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "setting",
    [
        ("task=vqav2",),
        ("task=textvqa", "shots=0"),
        ("task=okvqa", "protocol=flamingo"),
        ("task=hateful_memes", "shots=4"),
        ("task=hateful_memes", "protocol=openflamingo"),
    ],
    ids=" ".join,
)
def test_batch_size_changes_no_answer(setting: tuple[str, ...], tmp_path: Path) -> None:
    alone, first = evaluate_mini(tmp_path / "1", *setting, "model.batch_size=1")
    together, second = evaluate_mini(tmp_path / "8", *setting, "model.batch_size=8")
    assert_same_answers(alone, together)
    assert first.hash == second.hash
    assert {name: score["value"] for name, score in first.scores.items()} == pytest.approx(
        {name: score["value"] for name, score in second.scores.items()}, nan_ok=True
    )


@pytest.mark.parametrize("task", ["vqav2", "hateful_memes"])
def test_the_engine_answers_as_transformers_does(task: str, tmp_path: Path) -> None:
    ours, _ = evaluate_mini(tmp_path / "ours", f"task={task}", "model.dtype=float32")
    oracle = ("model=transformers", f"model.checkpoint={tiny_checkpoint_dir()}", "model.device=cpu")
    data = f"data_dir={task_settings(task).source.data_dir}"
    theirs, _ = evaluate_mini(tmp_path / "theirs", f"task={task}", *oracle, data)
    assert ours.keys() == theirs.keys()
    for query_id, record in ours.items():
        other = theirs[query_id]
        assert record.prompt_sha256 == other.prompt_sha256
        assert record.num_prompt_tokens == other.num_prompt_tokens
        if isinstance(record.response, Generated):
            assert isinstance(other.response, Generated)
            assert record.response.token_ids == other.response.token_ids
            assert record.response.logprob == pytest.approx(other.response.logprob, abs=1e-4)
        else:
            assert isinstance(other.response, Ranked)
            assert np.allclose(record.response.logprobs, other.response.logprobs, rtol=0, atol=1e-4)


def task_settings(task: str) -> TaskSettings:
    return open_session(f"task={task}", "model=tiny").settings.tasks[0]


def test_the_order_of_the_questions_changes_no_answer(tmp_path: Path) -> None:
    data_dir = task_settings("vqav2").source.data_dir
    content = json.loads((data_dir / "v2_OpenEnded_mscoco_val2014_questions.json").read_text())
    questions = {row["question_id"]: row for row in content["questions"][:10]}
    wanted = (data_dir / "v2_mscoco_val2014_annotations.json").read_text()
    rows = json.loads(wanted)["annotations"]
    kept = [row for row in rows if row["question_id"] in questions]
    (tmp_path / "a.json").write_text(json.dumps({"annotations": kept}))
    files = {}
    for name, ordered in (("as", list(questions.values())), ("re", [*questions.values()][::-1])):
        (tmp_path / f"{name}.json").write_text(json.dumps({**content, "questions": ordered}))
        overrides = (f"questions={tmp_path / name}.json", f"annotations={tmp_path / 'a.json'}")
        files[name], _ = evaluate_mini(
            tmp_path / name, "task=vqav2", "support_split=train", *overrides
        )
    assert list(files["as"]) != list(files["re"])
    assert_same_answers(files["as"], files["re"])


def test_a_killed_run_resumes_to_the_same_answers(tmp_path: Path) -> None:
    whole, expected = evaluate_mini(tmp_path / "whole", "task=vqav2", "limit=100")
    run_dir = tmp_path / "killed"
    command = [
        *(sys.executable, "-m", "evals", "run", "task=vqav2", "model=tiny", "shots=2"),
        *("limit=100", "model.batch_size=1", f"run_dir={run_dir}"),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
    )
    records = run_dir / "records.jsonl"
    deadline = time.monotonic() + 120
    while not (records.is_file() and records.stat().st_size) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run_dir / "summary.json").exists()
    recorded = records.read_bytes()
    assert 0 < recorded.count(b"\n") < 100
    resumed, summary = evaluate_mini(run_dir, "task=vqav2", "limit=100")
    whole_lines = recorded[: recorded.rfind(b"\n") + 1]
    assert records.read_bytes().startswith(whole_lines)
    assert_same_answers(whole, resumed)
    assert summary.scores == expected.scores


def test_rices_shows_the_most_similar_picture_right_before_the_query(tmp_path: Path) -> None:
    overrides = ("task=okvqa", "demonstrations.sampler=rices", "demonstrations.num_support=60")
    records, _ = evaluate_mini(tmp_path / "run", *overrides, "shots=4", "limit=3")
    header, *lines = map(json.loads, (tmp_path / "run" / "plan.jsonl").read_text().splitlines())
    session = open_session("model=tiny", *overrides)
    assert header["plan"]["sampler"] == "rices"
    assert header["plan"]["features"] == session.model_info.fingerprint
    settings = session.settings.tasks[0]
    support = {example.id: example for example in session.load(settings, "train").examples}
    queries = {example.id: example for example in session.load(settings, "val").examples}
    for line in lines:
        planned = [support_id for support_id, _ in line["demonstrations"]]
        assert list(records[line["id"]].demonstrations) == planned[::-1]
        pictures = [queries[line["id"]].image, *(support[each].image for each in planned)]
        known = [picture for picture in pictures if picture is not None]
        features = compute_features(known, session)
        query, *shown = (features[picture.sha256] for picture in known)
        similarities = [float(query @ feature) for feature in shown]
        assert similarities == sorted(similarities, reverse=True)
        assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)


def test_real_photographs_are_answered_and_scored(shared_data_dir: Path, tmp_path: Path) -> None:
    data = (f"data_dir={shared_data_dir / 'coco_real'}", "split=val", "support_split=val")
    captions, caption_scores = evaluate_mini(tmp_path / "coco", "task=coco", *data, "limit=null")
    answers, answer_scores = evaluate_mini(tmp_path / "okvqa", "task=okvqa", *data, "limit=null")
    assert (len(captions), len(answers)) == (85, 13)
    for name in ("cider", "bleu_4", "meteor", "rouge_l"):
        assert caption_scores.scores[name]["value"] is not None
    assert answer_scores.scores["raw_answers"]["num_examples"] == 13
    assert caption_scores.answered["pictures"]["count"] == 85
    assert not caption_scores.is_mini
