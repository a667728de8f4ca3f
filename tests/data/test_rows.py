"""evals.data.rows: fields, and the list of what is wrong with them."""

import pytest

from evals.data.rows import Problems, Row, as_rows, rows_by_id, show
from evals.errors import DataError


def collect(problems: Problems) -> str:
    with pytest.raises(DataError) as error:
        problems.raise_if_any()
    return str(error.value)


@pytest.fixture
def problems() -> Problems:
    return Problems("okvqa val", way_out="Get the official files.")


def test_nothing_wrong_raises_nothing(problems: Problems) -> None:
    row = Row({"id": 7, "text": "", "list": ["a"], "rows": [{"text": "a"}]}, "f.json[0]", problems)
    assert (row.id("id"), row.text("text"), row.texts("list")) == ("7", "", ("a",))
    assert row.nested_texts("rows", "text") == ("a",)
    problems.raise_if_any()


def test_the_error_names_what_where_and_the_way_out(problems: Problems) -> None:
    Row({"id": 1, "question": 5}, "q.json, questions[3]", problems).text("question")
    assert collect(problems) == (
        "okvqa val cannot be read; 1 mistake:\n"
        "  - q.json, questions[3]: field 'question' is 5, not a string\n"
        "Get the official files."
    )


def test_a_missing_field_is_shown_beside_those_that_are_there(problems: Problems) -> None:
    Row({"qid": 1, "q": "?"}, "q.json[0]", problems).id("question_id")
    assert "field 'question_id' is missing (fields: 'qid', 'q')" in collect(problems)


@pytest.mark.parametrize("value", [True, 1.5, None, "", [1]])
def test_an_id_is_an_integer_or_a_string(value: object, problems: Problems) -> None:
    assert Row({"id": value}, "f[0]", problems).id("id") == ""
    assert "not an integer or a string" in collect(problems)


@pytest.mark.parametrize("value", [None, [], "cat", ["cat", 1]])
def test_texts_are_a_list_with_at_least_one_string(value: object, problems: Problems) -> None:
    assert Row({"answers": value}, "f[0]", problems).texts("answers") == ()
    assert "not a list with at least one string" in collect(problems)


@pytest.mark.parametrize("value", [None, [], {"answer": "cat"}])
def test_nested_rows_are_a_list_with_at_least_one_row(value: object, problems: Problems) -> None:
    assert Row({"answers": value}, "f[0]", problems).nested_texts("answers", "answer") == ()
    assert "not a list with at least one row" in collect(problems)


def test_mistakes_in_nested_rows_have_their_own_places(problems: Problems) -> None:
    row = Row({"answers": [{"answer": "a"}, {}, 3, {"answer": None}]}, "f[0]", problems)
    row.nested_texts("answers", "answer")
    message = collect(problems)
    assert "3 mistakes" in message
    assert "f[0].answers[1]: field 'answer' is missing (fields: none)" in message
    assert "f[0].answers[2]: 3 is not a JSON object" in message
    assert "f[0].answers[3]: field 'answer' is None, not a string" in message


def test_rows_that_are_no_objects_are_listed_by_number(problems: Problems) -> None:
    assert len(as_rows([{}, "x", {}, 3], "f.json, data", problems=problems)) == 2
    message = collect(problems)
    assert "f.json, data[1]: 'x' is not a JSON object" in message
    assert "f.json, data[3]: 3 is not a JSON object" in message


def test_an_id_given_twice_is_a_mistake_even_as_another_type(problems: Problems) -> None:
    rows = as_rows([{"id": 1}, {"id": 2}, {"id": "1"}], "f", problems=problems)
    assert list(rows_by_id(rows, "id")) == ["1", "2"]
    assert "f[2]: id 1 stands in f[0] too" in collect(problems)


def test_many_missing_pictures_do_not_hide_another_mistake(problems: Problems) -> None:
    for number in range(1000):
        problems.add_missing_picture(f"picture {number}")
    problems.add("field missing")
    message = collect(problems)
    assert "1001 mistakes" in message
    assert message.index("field missing") < message.index("picture 0")
    assert "... and 980 more" in message


def test_optional_fields_are_strings_and_only_those_there(problems: Problems) -> None:
    row = Row({"answer_type": "other", "kind": None, "number": 3}, "f[0]", problems)
    assert row.optional("answer_type", "kind", "number", "absent") == {
        "answer_type": "other",
        "number": "3",
    }


HALF = "\ud83d"
"""Of an emoji: JSON spells it, and no file can hold it."""


def test_half_a_surrogate_pair_is_no_text_wherever_it_stands(problems: Problems) -> None:
    """It would be found at the end: by the tokenizer, or when the summary is written."""
    row = Row(
        {
            "id": HALF,
            "text": f"a{HALF}",
            "kind": HALF,
            "answers": ["a", HALF],
            "rows": [{"answer": "a"}, {"answer": HALF}],
            "sound": "\U0001f600",
        },
        "f[0]",
        problems,
    )
    assert row.id("id") == row.text("text") == ""
    row.optional("kind")
    assert row.texts("answers") == ()
    row.nested_texts("rows", "answer")
    assert row.text("sound") == "\U0001f600"
    message = collect(problems)
    assert "5 mistakes" in message
    assert r"f[0]: field 'text' holds half a surrogate pair, which is no text: 'a\ud83d'" in message
    assert r"f[0].rows[1]: field 'answer' holds half a surrogate pair" in message
    message.encode()  # it can be printed


@pytest.mark.parametrize("value", [["cat"], {"a": 1}])
def test_a_list_is_no_metadata(value: object, problems: Problems) -> None:
    Row({"kind": value}, "f[0]", problems).optional("kind")
    assert "field 'kind' is" in collect(problems)


def test_a_file_needs_a_name(problems: Problems) -> None:
    row = Row({"img": "", "file": "a.jpg"}, "f[0]", problems)
    assert (row.name("img"), row.name("file")) == ("", "a.jpg")
    assert "f[0]: field 'img' is '', not a file's name" in collect(problems)


def test_a_deep_or_long_value_is_shown_in_part() -> None:
    deep: object = 0
    for _ in range(10_000):
        deep = [deep]
    assert show(deep) == "[[[[[[[...]]]]]]]"
    assert show("a" * 10**6).startswith("'aaaa")
    assert len(show({"x" * 1000: [1] * 1000})) <= 60
