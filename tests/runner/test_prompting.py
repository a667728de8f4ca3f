"""Prompts are worded as they were sent, and runs part where their words do."""

from pathlib import Path

import pytest

from evals.prompts import hash_prompt
from evals.records import read_records
from evals.runner import diff_prompts, print_prompt, word_prompts
from tests.runner.calls import Silent, evaluate, make_data, open_session


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("task", ["vqav2", "textvqa", "hateful_memes"])
def test_prompts_are_those_that_a_run_sends(task: str, shots: int, tmp_path: Path) -> None:
    run_dir, _ = evaluate(task, tmp_path, f"shots={shots}")
    session = open_session(
        f"task={task}", "model=mock", f"data_dir={tmp_path / 'data' / task}", f"shots={shots}"
    )
    (settings,) = session.settings.tasks
    worded = {
        asked.query.id: asked for asked in word_prompts(session, settings, shots=shots, seed=0)
    }
    records = list(read_records(run_dir))
    assert len(worded) == len(records)
    for record in records:
        [request] = worded[record.id].requests
        assert hash_prompt(request.prompt, bos=request.bos) == record.prompt_sha256
        assert worded[record.id].demonstrations == record.demonstrations


def test_pictures_are_printed_by_name_and_the_words_as_they_are(tmp_path: Path) -> None:
    data_dir = make_data("vqav2", tmp_path / "vqav2")
    session = open_session("task=vqav2", "model=mock", f"data_dir={data_dir}", "limit=1")
    (settings,) = session.settings.tasks
    [asked] = word_prompts(session, settings, shots=1, seed=0)
    printed = print_prompt(asked.requests[0].prompt, bos=True)
    assert printed.startswith("<s>Instruction: provide an answer to the question. Use the image")
    assert printed.count("<IMG:COCO_") == 2
    assert printed.endswith(f"Question: {asked.query.question} Answer:")


def test_equal_runs_have_equal_prompts(tmp_path: Path) -> None:
    one, _ = evaluate("vqav2", tmp_path / "a")
    other, _ = evaluate("vqav2", tmp_path / "b", "limit=3")
    diff = diff_prompts(one, other, Silent())
    assert (diff.num_equal, diff.partings) == (3, ())
    assert [len(ids) for ids in diff.only] == [1, 0]


def test_runs_part_where_their_words_do(tmp_path: Path) -> None:
    one, _ = evaluate("vqav2", tmp_path / "a", "protocol=flamingo")
    other, _ = evaluate("vqav2", tmp_path / "b", "protocol=openflamingo")
    diff = diff_prompts(one, other, Silent())
    assert (diff.num_equal, len(diff.partings)) == (0, 4)
    for parting in diff.partings:
        assert parting.common.startswith("<s><IMG:COCO_train2014_")
        assert parting.rests[0].startswith(" Question: ")
        assert parting.rests[1].startswith("Question:")


def test_what_dropped_out_of_a_prompt_is_not_in_its_words(tmp_path: Path) -> None:
    """With room for 60 tokens the mock's prompts lose demonstrations."""
    one, whole = evaluate("vqav2", tmp_path / "a", "shots=3")
    other, cut = evaluate("vqav2", tmp_path / "b", "shots=3", "model.max_tokens=70")
    assert (whole.num_dropped, cut.num_dropped) == (0, 4)
    for parting in diff_prompts(one, other, Silent()).partings:
        counts = [(parting.common + rest).count("<IMG:") for rest in parting.rests]
        assert counts[0] == 4
        assert 1 <= counts[1] < 4
