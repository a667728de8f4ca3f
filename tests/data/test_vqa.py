"""evals.data.vqa: question and annotation files, joined."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.data.annotation_files import official_problems
from evals.data.vqa import VqaFiles, read_vqa
from evals.errors import DataError
from evals.types import ExampleSet, Source
from tests.official import ANSWERS, edit_json, write_okvqa, write_vqav2

FILES = VqaFiles(
    questions="v2_OpenEnded_mscoco_val2014_questions.json",
    annotations="v2_mscoco_val2014_annotations.json",
    picture="val2014/COCO_val2014_{image_id:0>12}.jpg",
)


def read(source: Source, files: VqaFiles = FILES) -> ExampleSet:
    return read_vqa(files, source, problems=official_problems("vqav2", "val", download="a.org"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_vqav2(tmp_path)
    return tmp_path


def edit_questions(data_dir: Path, edit: Callable[[list[Any]], object]) -> None:
    edit_json(data_dir / FILES.questions, lambda content: edit(content["questions"]))


def edit_annotations(data_dir: Path, edit: Callable[[list[Any]], object]) -> None:
    assert FILES.annotations is not None
    edit_json(data_dir / FILES.annotations, lambda content: edit(content["annotations"]))


def message_of(source: Source) -> str:
    with pytest.raises(DataError) as error:
        read(source)
    return str(error.value)


def test_a_question_has_its_answers_picture_and_types(data_dir: Path) -> None:
    loaded = read(Source(data_dir))
    first = loaded.examples[0]
    assert first.id == "262148000"
    assert first.question == "What is 262148 in val2014?"
    assert first.references == ANSWERS
    assert first.raw_references == ()
    assert first.image is not None
    assert first.image.source == data_dir / "val2014" / "COCO_val2014_000000262148.jpg"
    assert first.metadata == {
        "image_id": "262148",
        "answer_type": "other",
        "question_type": "what is",
    }
    assert [path.name for path in loaded.files] == [FILES.questions, FILES.annotations]


def test_the_order_is_that_of_the_question_file(data_dir: Path) -> None:
    questions = json.loads((data_dir / FILES.questions).read_text())["questions"]
    assert [example.id for example in read(Source(data_dir)).examples] == [
        str(question["question_id"]) for question in questions
    ]


def test_ids_may_be_integers_in_one_file_and_strings_in_the_other(data_dir: Path) -> None:
    before = read(Source(data_dir)).examples

    def as_strings(rows: list[Any]) -> None:
        for row in rows:
            row["question_id"], row["image_id"] = str(row["question_id"]), str(row["image_id"])

    edit_questions(data_dir, as_strings)
    assert read(Source(data_dir)).examples == before


def test_a_split_without_answers_is_read_unanswered(data_dir: Path) -> None:
    files = VqaFiles(
        "v2_OpenEnded_mscoco_test-dev2015_questions.json",
        annotations=None,
        picture="test2015/COCO_test2015_{image_id:0>12}.jpg",
    )
    loaded = read(Source(data_dir), files)
    assert not loaded.answered
    assert len(loaded.examples) == 3
    assert all(example.references == () for example in loaded.examples)


def test_given_files_replace_the_official_ones(data_dir: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    questions, annotations = elsewhere / "q.json", elsewhere / "a.json"
    assert FILES.annotations is not None
    (data_dir / FILES.questions).rename(questions)
    (data_dir / FILES.annotations).rename(annotations)
    source = Source(data_dir, questions=questions, annotations=annotations)
    assert read(source).files == (questions, annotations)
    assert "q.json is neither" not in message_of(Source(data_dir))


def test_raw_answers_are_read_beside_the_stems(tmp_path: Path) -> None:
    write_okvqa(tmp_path)
    files = VqaFiles(
        "OpenEnded_mscoco_val2014_questions.json",
        annotations="mscoco_val2014_annotations.json",
        picture=FILES.picture,
        raw_answers=True,
    )
    first = read(Source(tmp_path), files).examples[0]
    assert first.references == ANSWERS
    assert first.raw_references == tuple(f"{answer}ing" for answer in ANSWERS)


def test_a_missing_raw_answer_is_a_mistake(data_dir: Path) -> None:
    files = VqaFiles(FILES.questions, FILES.annotations, FILES.picture, raw_answers=True)
    with pytest.raises(DataError, match=r"answers\[9\]: field 'raw_answer' is missing"):
        read(Source(data_dir), files)


def test_all_mistakes_of_both_files_are_listed_together(data_dir: Path) -> None:
    edit_questions(data_dir, lambda rows: rows[0].pop("question"))
    edit_questions(data_dir, lambda rows: rows[1].update(image_id=999))
    edit_annotations(data_dir, lambda rows: rows[0]["answers"][4].pop("answer"))
    edit_annotations(data_dir, lambda rows: rows[1].update(answers=[]))
    message = message_of(Source(data_dir))
    assert "vqav2 val cannot be read; 5 mistakes" in message
    assert "questions[0]: field 'question' is missing" in message
    assert "questions[1]: picture val2014/COCO_val2014_000000000999.jpg is not in" in message
    assert "annotations[2]: its image_id is not that of" in message
    assert "annotations[0].answers[4]: field 'answer' is missing" in message
    assert "annotations[1]: field 'answers' is []" in message
    assert "The official files: a.org" in message


def test_questions_and_annotations_must_pair_off(data_dir: Path) -> None:
    edit_questions(data_dir, lambda rows: rows.pop(0))
    edit_annotations(data_dir, lambda rows: rows.pop(0))
    message = message_of(Source(data_dir))
    assert "2 mistakes" in message
    assert "questions[2]: question_id 262157002 has no annotation" in message
    assert "annotations[2]: question_id 262148000 has no question" in message


def test_ids_that_come_twice_are_mistakes(data_dir: Path) -> None:
    edit_questions(data_dir, lambda rows: rows.append(rows[0]))
    edit_annotations(data_dir, lambda rows: rows.append(rows[0]))
    message = message_of(Source(data_dir))
    assert "questions[4]: question_id 262148000 stands in" in message
    assert "annotations[4]: question_id 262157002 stands in" in message


def test_a_missing_file_does_not_hide_mistakes_in_the_other(data_dir: Path) -> None:
    assert FILES.annotations is not None
    (data_dir / FILES.annotations).unlink()
    edit_questions(data_dir, lambda rows: rows[0].pop("question"))
    message = message_of(Source(data_dir))
    assert "2 mistakes" in message
    assert f"{FILES.annotations} is neither in" in message
    assert "field 'question' is missing" in message


def test_a_given_file_that_is_not_there_is_a_mistake(data_dir: Path) -> None:
    source = Source(data_dir, questions=data_dir / "q.json", annotations=data_dir / "a.json")
    message = message_of(source)
    assert "q.json: No such file" in message
    assert "a.json: No such file" in message


def test_names_made_of_ids_cannot_leave_the_folder(data_dir: Path) -> None:
    edit_questions(data_dir, lambda rows: rows[0].update(image_id="/../../../secret"))
    assert "is absolute or contains '..'" in message_of(Source(data_dir))
