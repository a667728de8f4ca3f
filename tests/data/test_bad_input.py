"""A run on bad data: one error that names file and place, exit code 2, nothing half-written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.cli.guard import MISUSE, guard
from evals.runner import run_all, score_results_file
from tests.official import edit_json
from tests.runner.calls import make_data, open_session

QUESTIONS = {
    "vqav2": "v2_OpenEnded_mscoco_val2014_questions.json",
    "okvqa": "annotations/OpenEnded_mscoco_val2014_questions.json",
    "coco": "dataset_coco.json",
    "textvqa": "TextVQA_0.5.1_val.json",
    "hateful_memes": "test_seen.jsonl",
}
ROWS = {"coco": "images", "textvqa": "data"}
IDS = {"coco": "cocoid", "hateful_memes": "id"}


def run(task: str, where: Path) -> int:
    words = (f"task={task}", "model=mock", "shots=1", f"data_dir={where / 'data'}")
    return guard(lambda: [*run_all(open_session(*words, f"run_dir={where / 'run'}"))] and None)


def edit_rows(task: str, path: Path, edit: Callable[[list[Any]], None]) -> None:
    """Change the rows of a task's file in place; of JSON lines all rows are tested first."""
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().split("\n") if line]
        edit(rows)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        edit_json(path, lambda content: edit(content[ROWS.get(task, "questions")]))


def drop_id(rows: list[Any], key: str) -> None:
    rows[0].pop(key)
    rows[2].pop(key)


def mistype_id(rows: list[Any], key: str) -> None:
    rows[0][key] = [1]
    rows[2][key] = None


def repeat_id(rows: list[Any], key: str) -> None:
    rows[1][key] = rows[0][key]
    rows[2][key] = rows[0][key]


def put_nan(rows: list[Any], key: str) -> None:
    rows[0]["extra"] = float("nan")
    rows[2]["extra"] = float("inf")


def put_half(rows: list[Any], key: str) -> None:
    rows[0][key] = "a\ud800"
    rows[2][key] = "\udc00"


def put_text(rows: list[Any], key: str) -> None:
    rows[0] = "no row"
    rows[2] = 3


MISTAKES = {
    drop_id: "is missing",
    mistype_id: "not an integer or a string",
    repeat_id: "too",
    put_nan: "is no JSON number",
    put_half: "half a surrogate pair",
    put_text: "is not a JSON object",
}


@pytest.mark.parametrize("task", QUESTIONS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_of_a_kind_are_listed_together_with_their_places(
    mistake: Callable[[list[Any], str], None],
    task: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = make_data(task, tmp_path / "data") / QUESTIONS[task]
    key = IDS.get(task, "question_id")
    split = slice(3, 6) if task == "coco" else slice(0, 3)  # Karpathy's test, after his train
    edit_rows(task, path, lambda rows: _edit(rows, split, mistake, key))
    assert run(task, tmp_path) == MISUSE
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    lines = [line for line in said.splitlines() if MISTAKES[mistake] in line and str(path) in line]
    assert len(lines) >= 2, said
    assert not (tmp_path / "run").exists()


def _edit(
    rows: list[Any], part: slice, mistake: Callable[[list[Any], str], None], key: str
) -> None:
    some = rows[part]
    mistake(some, key)
    rows[part] = some


@pytest.mark.parametrize("task", QUESTIONS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ""),
        (b"\xff\xfe\xff", "not UTF-16-LE at byte"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": 1', "not JSON at line 1, column 8"),
        (b'{"questions": [], "data": [], "images": []}', ""),
    ],
)
def test_a_file_that_is_empty_or_none_is_named(
    content: bytes, message: str, task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_data(task, tmp_path / "data") / QUESTIONS[task]
    path.write_bytes(content)
    assert run(task, tmp_path) == MISUSE
    said = capsys.readouterr().err
    assert str(path) in said
    assert message in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("task", QUESTIONS)
def test_a_mark_in_front_and_fields_beside_do_no_harm(task: str, tmp_path: Path) -> None:
    path = make_data(task, tmp_path / "data") / QUESTIONS[task]
    session = open_session(f"task={task}", f"data_dir={tmp_path / 'data'}")
    (settings,) = session.settings.tasks
    before = session.load(settings, settings.split).examples
    edit_rows(task, path, lambda rows: [row.update(extra={"a": [1]}) for row in rows] and None)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    again = open_session(f"task={task}", f"data_dir={tmp_path / 'data'}")
    assert again.load(settings, settings.split).examples == before


@pytest.mark.slow
def test_a_million_rows_are_read_and_scored(tmp_path: Path) -> None:
    """VQAv2's largest split has 447,793."""
    count = 1_000_000
    questions = [
        {"image_id": number // 5, "question": "What is it?", "question_id": number}
        for number in range(count)
    ]
    answers = [{"answer": word} for word in ("cat", "cat", "dog")]
    annotations = [
        {"image_id": number // 5, "question_id": number, "answers": answers}
        for number in range(count)
    ]
    results = [{"question_id": number, "answer": "cat"} for number in range(count)]
    for name, content in (
        ("questions.json", {"questions": questions}),
        ("annotations.json", {"annotations": annotations}),
        ("results.json", results),
    ):
        (tmp_path / name).write_text(json.dumps(content))
    session = open_session(
        *("task=vqav2", "model=mock", f"data_dir={tmp_path}"),
        *(f"{name}={tmp_path / name}.json" for name in ("questions", "annotations")),
    )
    (task,) = session.settings.tasks
    scored = score_results_file(task, tmp_path / "results.json", partial=False)
    assert scored.num_queries == count
    assert scored.scores["official"]["value"] == pytest.approx((2 / 3 + 1 / 3) / 2, abs=0.2)
