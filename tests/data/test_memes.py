"""evals.data.memes: Hateful Memes' JSON lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.data.annotation_files import official_problems
from evals.data.memes import MemeFiles, read_memes
from evals.errors import DataError
from evals.types import ExampleSet, Source
from tests.official import write_hateful_memes, write_lines

TEST_SEEN = MemeFiles("test_seen.jsonl", may_lack_labels=True)
TRAIN = MemeFiles("train.jsonl")


def read(source: Source, files: MemeFiles = TEST_SEEN) -> ExampleSet:
    problems = official_problems("hateful_memes", "test_seen", download="a.org")
    return read_memes(files, source, num_choices=2, problems=problems)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_hateful_memes(tmp_path)
    return tmp_path


def edit_rows(path: Path, **changes: Any) -> None:
    """Change fields of the second row; `None` takes a field away."""
    rows = [json.loads(line) for line in path.read_text().split("\n") if line]
    rows[1] = {key: value for key, value in {**rows[1], **changes}.items() if value is not None}
    write_lines(path, rows)


def test_a_row_is_a_picture_a_text_and_a_label(data_dir: Path) -> None:
    loaded = read(Source(data_dir))
    second = loaded.examples[1]
    assert (second.id, second.label) == ("1535", 1)
    assert second.question == "look at “meme” 1\u2028now"
    assert second.references == ()
    assert second.image is not None
    assert second.image.source == data_dir / "img" / "01535.png"
    assert loaded.answered


def test_a_test_file_without_any_label_is_unanswered(data_dir: Path) -> None:
    path = data_dir / "test_seen.jsonl"
    rows = [json.loads(line) for line in path.read_text().split("\n") if line]
    write_lines(path, [{k: v for k, v in row.items() if k != "label"} for row in rows])
    loaded = read(Source(data_dir))
    assert not loaded.answered
    assert all(example.label is None for example in loaded.examples)
    with pytest.raises(DataError, match="4 mistakes"):
        read(Source(data_dir), MemeFiles("test_seen.jsonl"))


@pytest.mark.parametrize("files", [TEST_SEEN, TRAIN])
def test_a_label_missing_among_labels_is_a_mistake(files: MemeFiles, data_dir: Path) -> None:
    edit_rows(data_dir / files.annotations, label=None)
    with pytest.raises(DataError, match=r"jsonl, line 2: field 'label' is missing"):
        read(Source(data_dir), files)


@pytest.mark.parametrize("label", [2, -1, "1", True, 0.5])
def test_a_label_is_the_number_of_a_choice(label: object, data_dir: Path) -> None:
    edit_rows(data_dir / "train.jsonl", label=label)
    with pytest.raises(DataError, match=f"line 2: label is {label!r}, not one of 0, 1"):
        read(Source(data_dir), TRAIN)


def test_pictures_may_lie_flat_in_image_dir(data_dir: Path) -> None:
    first = read(
        Source(data_dir / "x", annotations=data_dir / "train.jsonl", image_dir=data_dir / "img"),
        TRAIN,
    ).examples[0]
    assert first.image is not None
    assert first.image.source == data_dir / "img" / "01234.png"


def test_all_mistakes_are_listed_together(data_dir: Path) -> None:
    edit_rows(data_dir / "train.jsonl", id=1234, text=None)
    edit_rows(data_dir / "train.jsonl", img="img/nowhere.png")
    with pytest.raises(DataError) as error:
        read(Source(data_dir), TRAIN)
    assert "line 2: id 1234 stands in" in str(error.value)
    edit_rows(data_dir / "train.jsonl", id=99, img="../img/a.png")
    with pytest.raises(DataError) as error:
        read(Source(data_dir), TRAIN)
    assert "line 2: field 'text' is missing" in str(error.value)
    assert "line 2: picture name '../img/a.png' is absolute or contains '..'" in str(error.value)


def test_an_empty_file_is_a_mistake(data_dir: Path) -> None:
    (data_dir / "train.jsonl").write_text("\n")
    with pytest.raises(DataError, match=r"train\.jsonl: no row to read"):
        read(Source(data_dir), TRAIN)
