"""evals.data.meme_results: the challenge's CSV, written and read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.data.meme_results import meme_results
from evals.errors import DataError
from evals.types import Answer, Example, Prediction, Source

MEMES = meme_results({"test_seen": "memes.csv"}, choices=("no", "yes"))


def predict(example_id: str, answer: Answer) -> Prediction:
    return Prediction(Example(example_id, image=None), answer)


def test_the_file_has_id_probability_and_label() -> None:
    predictions = [
        predict("1234", Answer("yes", 1, (0.25, 0.75))),
        predict("00012", Answer("no", 0, (0.9, 0.1))),
    ]
    written = MEMES.write("test_seen", predictions, Source(Path()))
    assert written.file_name == "memes.csv"
    assert written.content == "id,proba,label\n1234,0.75,1\n00012,0.1,0\n"


def test_a_generated_answer_has_no_place_in_it() -> None:
    with pytest.raises(DataError, match="example 7 has no probabilities"):
        MEMES.write("test_seen", [predict("7", Answer("yes"))], Source(Path()))


def test_columns_may_come_in_any_order_among_others(tmp_path: Path) -> None:
    path = tmp_path / "memes.csv"
    path.write_text("label,note,id,proba\r\n1,x,5,0.75\r\n")
    assert MEMES.read(path) == {"5": Answer("yes", 1, (0.25, 0.75))}


def test_the_label_is_taken_as_given_whatever_the_probability(tmp_path: Path) -> None:
    path = tmp_path / "memes.csv"
    path.write_text("id,proba,label\n5,0.75,0\n")
    assert MEMES.read(path)["5"].choice == 0


def test_all_malformed_rows_are_listed_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "memes.csv"
    path.write_text("id,proba,label\n1,0.5,1\n1,0.5,1\n2,x,1\n3,1.5,1\n4,nan,0\n5,0.5,yes\n6,0.5\n")
    with pytest.raises(DataError) as error:
        MEMES.read(path)
    message = str(error.value)
    assert "6 mistakes" in message
    assert f"{path}, line 3: id 1 stands in {path}, line 2 too" in message
    assert f"{path}, line 4: proba 'x' is not a number from 0 to 1" in message
    assert f"{path}, line 5: proba '1.5' is not" in message
    assert f"{path}, line 6: proba 'nan' is not" in message
    assert f"{path}, line 7: label 'yes' is neither 0 nor 1" in message
    assert f"{path}, line 8: label '' is neither 0 nor 1" in message


def test_any_line_ends_will_do_and_a_quote_left_open_will_not(tmp_path: Path) -> None:
    path = tmp_path / "memes.csv"
    path.write_bytes(b"id,proba,label\r5,0.75,1\r6,0.25,0\r")
    assert set(MEMES.read(path)) == {"5", "6"}
    path.write_text('id,proba,label\n5,"' + "0" * 200_000)
    with pytest.raises(DataError, match="field larger than field limit"):
        MEMES.read(path)


def test_a_missing_column_is_one_mistake(tmp_path: Path) -> None:
    path = tmp_path / "memes.csv"
    path.write_text("id,label\n1,1\n")
    with pytest.raises(DataError, match=r"1 mistake:\n  - .*memes\.csv: has no column proba"):
        MEMES.read(path)


@given(probability=st.floats(0, 1), choice=st.integers(0, 1))
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, probability: float, choice: int
) -> None:
    path = tmp_path_factory.mktemp("memes") / "memes.csv"
    answer = Answer(("no", "yes")[choice], choice, (1 - probability, probability))
    path.write_text(MEMES.write("test_seen", [predict("7", answer)], Source(Path())).content)
    assert MEMES.read(path) == {"7": answer}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,proba,label,label\n1,0.5,1,0\n", "has the column label twice"),
        ("id,proba,label\n", "holds no answer"),
        ("", "has no column id, proba, label"),
    ],
)
def test_a_doubled_column_and_an_empty_file_are_mistakes(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "memes.csv").write_text(content)
    with pytest.raises(DataError, match=rf"memes\.csv: {message}"):
        MEMES.read(tmp_path / "memes.csv")
