"""evals.data.results: JSON results files, written and read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.data.results import caption_results, format_id, vqa_results
from evals.errors import DataError
from evals.types import Answer, Example, Prediction, Source

VQA = vqa_results({"val": "vqa_val_results.json"})
CAPTIONS = caption_results({"val": "captions_val2014_results.json"})


def predict(answers: dict[str, str]) -> list[Prediction]:
    return [Prediction(Example(i, image=None), Answer(text)) for i, text in answers.items()]


def test_answers_are_written_as_the_servers_take_them() -> None:
    written = VQA.write("val", predict({"42": "é", "a7": ""}), Source(Path()))
    assert written.file_name == "vqa_val_results.json"
    assert json.loads(written.content) == [
        {"question_id": 42, "answer": "é"},
        {"question_id": "a7", "answer": ""},
    ]


def test_captions_are_written_by_image_id() -> None:
    written = CAPTIONS.write("val", predict({"42": "a cat"}), Source(Path()))
    assert json.loads(written.content) == [{"image_id": 42, "caption": "a cat"}]


def test_what_a_server_wants_beyond_the_split_is_answered_with_nothing() -> None:
    results = vqa_results({"val": "f.json"}, server_ids=lambda split, source: ["1", "2", "3"])
    written = results.write("val", predict({"3": "x", "1": "y"}), Source(Path()))
    assert json.loads(written.content) == [
        {"question_id": 1, "answer": "y"},
        {"question_id": 2, "answer": ""},
        {"question_id": 3, "answer": "x"},
    ]
    with pytest.raises(DataError, match="does not have these ids of val:\n  - 4"):
        results.write("val", predict({"4": "x"}), Source(Path()))


def test_ids_are_read_as_integers_or_strings_and_extra_fields_ignored(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    rows = [
        {"question_id": 1, "answer": "Yes. "},
        {"question_id": "2", "answer": "", "image_id": 5},
    ]
    path.write_text(json.dumps(rows))
    assert VQA.read(path) == {"1": Answer("Yes. "), "2": Answer("")}


def test_all_malformed_rows_are_listed_together(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    rows = [
        {"question_id": 1, "answer": "a"},
        {"question_id": 1, "answer": "b"},
        {"question_id": 2, "answer": 3},
        {"answer": "c"},
        "d",
    ]
    path.write_text(json.dumps(rows))
    with pytest.raises(DataError) as error:
        VQA.read(path)
    message = str(error.value)
    assert "4 mistakes" in message
    assert f"{path}[1]: question_id 1 stands in {path}[0] too" in message
    assert f"{path}[2]: field 'answer' is 3, not a string" in message
    assert f"{path}[3]: field 'question_id' is missing (fields: 'answer')" in message
    assert f"{path}[4]: 'd' is not a JSON object" in message


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=5))
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, answers: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("results") / "results.json"
    path.write_text(VQA.write("val", predict(answers), Source(Path())).content)
    assert VQA.read(path) == {example_id: Answer(text) for example_id, text in answers.items()}


@pytest.mark.parametrize(
    ("example_id", "written"),
    [("42", 42), ("007", "007"), ("0", 0), ("4a", "4a"), ("²", "²"), ("٣", "٣")],
)
def test_an_id_is_an_integer_only_where_it_spells_one(example_id: str, written: object) -> None:
    assert format_id(example_id) == written


@pytest.mark.parametrize("content", ["[]", "[1]", "null", '[{"question_id": 1, "answer": NaN}]'])
def test_a_file_without_an_answer_is_a_mistake(content: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(DataError, match="mistake"):
        VQA.read(path)


def test_an_id_of_thousands_of_digits_stays_text() -> None:
    assert format_id("9" * 5000) == "9" * 5000
