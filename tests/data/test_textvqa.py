"""evals.data.textvqa: the official file and OpenFlamingo's pair of files."""

from pathlib import Path

import pytest

from evals.data.annotation_files import official_problems
from evals.data.textvqa import TextVqaFiles, read_textvqa
from evals.data.vqa import VqaFiles
from evals.errors import DataError
from evals.types import ExampleSet, Source
from tests.official import ANSWERS, edit_json, write_textvqa, write_textvqa_in_vqa_format

VAL = TextVqaFiles(
    official="TextVQA_0.5.1_val.json",
    vqa=VqaFiles(
        "val_questions_vqa_format.json",
        "val_annotations_vqa_format.json",
        picture="train_images/{image_id}.jpg",
    ),
)
TEST = TextVqaFiles(
    official="TextVQA_0.5.1_test.json",
    vqa=VqaFiles("test_questions_vqa_format.json", None, picture="test_images/{image_id}.jpg"),
)


def read(source: Source, files: TextVqaFiles = VAL) -> ExampleSet:
    problems = official_problems("textvqa", "val", download="textvqa.org")
    return read_textvqa(files, source, problems=problems)


def test_the_official_file_has_questions_and_answers_in_one(tmp_path: Path) -> None:
    write_textvqa(tmp_path)
    loaded = read(Source(tmp_path))
    first = loaded.examples[0]
    assert (first.id, first.question) == ("34602", "what does 00val0c say?")
    assert first.references == ANSWERS
    assert first.metadata == {"image_id": "00val0c"}
    assert first.image is not None
    assert first.image.source == tmp_path / "train_images" / "00val0c.jpg"
    assert [path.name for path in loaded.files] == [VAL.official]


def test_both_formats_give_the_same_examples(tmp_path: Path) -> None:
    write_textvqa(tmp_path)
    official = read(Source(tmp_path)).examples
    write_textvqa_in_vqa_format(tmp_path)
    converted = read(Source(tmp_path))
    assert [path.name for path in converted.files] == [VAL.vqa.questions, VAL.vqa.annotations]
    for one, other in zip(official, converted.examples, strict=True):
        assert (one.id, one.question, one.image) == (other.id, other.question, other.image)
        assert one.references == other.references
        assert one.metadata["image_id"] == other.metadata["image_id"]


def test_the_official_file_is_taken_where_both_are_there(tmp_path: Path) -> None:
    write_textvqa_in_vqa_format(tmp_path)
    write_textvqa(tmp_path)
    assert [path.name for path in read(Source(tmp_path)).files] == [VAL.official]


def test_a_given_file_may_be_in_either_format(tmp_path: Path) -> None:
    write_textvqa(tmp_path)
    official = tmp_path / VAL.official
    for source in (
        Source(tmp_path, annotations=official),
        Source(tmp_path, questions=official),
    ):
        assert read(source).files == (official,)
    write_textvqa_in_vqa_format(tmp_path)
    assert VAL.vqa.annotations is not None
    questions, annotations = tmp_path / VAL.vqa.questions, tmp_path / VAL.vqa.annotations
    for source in (
        Source(tmp_path, annotations=annotations),
        Source(tmp_path, questions=questions),
        Source(tmp_path, questions=questions, annotations=annotations),
    ):
        assert read(source).files == (questions, annotations)


def test_the_test_split_has_no_answers(tmp_path: Path) -> None:
    write_textvqa(tmp_path)
    loaded = read(Source(tmp_path), TEST)
    assert not loaded.answered
    assert loaded.examples[0].references == ()
    assert loaded.examples[0].image is not None
    assert loaded.examples[0].image.source == tmp_path / "test_images" / "00test0c.jpg"


def test_missing_answers_are_a_mistake_in_val(tmp_path: Path) -> None:
    write_textvqa(tmp_path)
    edit_json(tmp_path / VAL.official, lambda content: content["data"][1].pop("answers"))
    edit_json(tmp_path / VAL.official, lambda content: content["data"][2].pop("image_id"))
    with pytest.raises(DataError) as error:
        read(Source(tmp_path))
    assert "data[1]: field 'answers' is missing" in str(error.value)
    assert "data[2]: field 'image_id' is missing" in str(error.value)


def test_both_names_are_told_where_neither_file_is_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{VAL.official} or {VAL.vqa.questions} is neither in"):
        read(Source(tmp_path))


def test_a_given_file_that_does_not_parse_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("{")
    with pytest.raises(DataError, match=r"1 mistake:\n  - .*mine\.json: not JSON at line 1"):
        read(Source(tmp_path, annotations=path))


@pytest.mark.parametrize("content", ["{}", '{"data": []}'])
def test_a_file_without_a_row_is_a_mistake(content: str, tmp_path: Path) -> None:
    """An empty object was once an empty split."""
    write_textvqa(tmp_path)
    (tmp_path / "TextVQA_0.5.1_val.json").write_text(content)
    with pytest.raises(
        DataError, match=r"TextVQA_0\.5\.1_val\.json: (has no list|the list) 'data'"
    ):
        read(Source(tmp_path))
