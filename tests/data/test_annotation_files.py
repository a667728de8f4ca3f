"""evals.data.annotation_files: names, places, and files that do not parse."""

from pathlib import Path

import pytest

from evals.data.annotation_files import (
    choose_split,
    list_rows,
    read_json,
    read_json_lines,
    read_json_list,
    read_text,
    refuse_questions,
    require_file,
)
from evals.data.rows import Problems
from evals.errors import ConfigError, DataError
from evals.types import Source


@pytest.fixture
def problems() -> Problems:
    return Problems("the file", way_out="Get another.")


def collect(problems: Problems) -> str:
    with pytest.raises(DataError) as error:
        problems.raise_if_any()
    return str(error.value)


def test_files_are_found_in_the_folder_and_then_in_annotations(
    tmp_path: Path, problems: Problems
) -> None:
    source = Source(tmp_path)
    (tmp_path / "annotations").mkdir()
    inner = tmp_path / "annotations" / "a.json"
    inner.touch()
    assert require_file(source, "a.json", problems=problems) == inner
    (tmp_path / "a.json").touch()
    assert require_file(source, "a.json", problems=problems) == tmp_path / "a.json"
    assert require_file(source, "z.json", "a.json", problems=problems) == tmp_path / "a.json"
    problems.raise_if_any()


def test_a_missing_file_is_named_with_the_places_looked_at(
    tmp_path: Path, problems: Problems
) -> None:
    assert require_file(Source(tmp_path), "a.json", "b.json", problems=problems) is None
    require_file(Source(tmp_path / "gone"), "c.json", problems=problems)
    message = collect(problems)
    assert f"a.json or b.json is neither in {tmp_path} nor its annotations/" in message
    assert f"c.json is neither in {tmp_path / 'gone'} nor its annotations/ (there is no" in message


def test_a_file_that_does_not_parse_is_named_with_line_and_column(
    tmp_path: Path, problems: Problems
) -> None:
    path = tmp_path / "cut.json"
    path.write_text('{"questions": [\n  {"id": 1},\n  {"id"')
    assert read_json(path, problems=problems) is None
    assert f"{path}: not JSON at line 3, column 8: Expecting ':' delimiter" in collect(problems)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]", "holds a JSON list, not an object"),
        (b"null", "holds null"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
    ],
)
def test_other_content_than_an_object_is_a_mistake(
    content: bytes, message: str, tmp_path: Path, problems: Problems
) -> None:
    (tmp_path / "f.json").write_bytes(content)
    assert read_json(tmp_path / "f.json", problems=problems) is None
    assert message in collect(problems)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path, problems: Problems) -> None:
    assert read_json(tmp_path / "f.json", problems=problems) is None
    assert read_json_list(tmp_path / "g.json", problems=problems) == []
    assert read_json_lines(tmp_path / "h.jsonl", problems=problems) == []
    assert read_text(tmp_path / "i.csv", problems=problems) == ""
    message = collect(problems)
    assert message.count("No such file or directory") == 4


def test_an_object_is_no_results_list(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / "f.json").write_text("{}")
    assert read_json_list(tmp_path / "f.json", problems=problems) == []
    assert "holds a JSON dict, not a list" in collect(problems)


def test_text_that_is_not_utf8_is_a_mistake(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / "f.csv").write_bytes(b"id,\xe9")
    assert read_text(tmp_path / "f.csv", problems=problems) == ""
    assert "not UTF-8 at byte 3" in collect(problems)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / "f.json").write_text('\ufeff{"a": []}')
    assert read_json(tmp_path / "f.json", problems=problems) == {"a": []}
    (tmp_path / "f.csv").write_text("\ufeffid,label")
    assert read_text(tmp_path / "f.csv", problems=problems) == "id,label"


def test_a_missing_list_is_shown_beside_the_fields_that_are_there(problems: Problems) -> None:
    list_rows({"info": {}}, "questions", path=Path("q.json"), problems=problems)
    assert "q.json: has no list 'questions' (fields: 'info')" in collect(problems)


def test_lines_are_cut_at_line_feeds_only_and_counted_from_one(
    tmp_path: Path, problems: Problems
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a\u2028b"}\r\n\n[1]\nnull\n{"text"\n')
    rows = read_json_lines(path, problems=problems)
    assert [row.values for row in rows] == [{"text": "a\u2028b"}]
    message = collect(problems)
    assert f"{path}, line 3: [1] is not a JSON object" in message
    assert f"{path}, line 4: holds null" in message
    assert f"{path}, line 5: not JSON at line 1, column 8" in message


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ConfigError, match="okvqa has no split 'test'; its splits: train, val"):
        choose_split({"train": 1, "val": 2}, "test", task="okvqa")


def test_a_question_file_is_refused_where_there_is_none() -> None:
    with pytest.raises(ConfigError, match="coco has no question file of its own"):
        refuse_questions(Source(Path(), questions=Path("q.json")), task="coco")


def test_an_empty_list_is_a_mistake(problems: Problems) -> None:
    list_rows({"questions": []}, "questions", path=Path("q.json"), problems=problems)
    assert "q.json: the list 'questions' is empty" in collect(problems)
