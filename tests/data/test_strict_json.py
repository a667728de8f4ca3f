"""evals.data.strict_json: what Python's own reader lets pass."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.data.strict_json import parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_sound_json_is_what_python_reads(value: object) -> None:
    data = json.dumps(value).encode()
    assert parse_json(data, "f.json") == (json.loads(data), [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_and_other_unicode_do_no_harm(encoding: str) -> None:
    assert parse_json('{"a": "é"}'.encode(encoding), "f.json") == ({"a": "é"}, [])


def test_fields_that_stand_twice_are_listed_with_their_places() -> None:
    """json.loads takes the last without a word: a question would have another's answers."""
    data = (
        b'{"rows": [{"id": 1}, {"id": 2, "q": "?", "id": 3, "q": "?"}, {"in": {"x": 1, "x": 1}}]}'
    )
    value, mistakes = parse_json(data, "f.json")
    assert value["rows"][1] == {"id": 3, "q": "?"}
    assert mistakes == [
        "f.json, rows[1]: field 'id' stands there twice",
        "f.json, rows[1]: field 'q' stands there twice",
        "f.json, rows[2].in: field 'x' stands there twice",
    ]
    assert parse_json(b'{"id": 1, "id": 1}', "f.jsonl, line 3")[1] == [
        "f.jsonl, line 3: field 'id' stands there twice"
    ]


def test_what_is_no_number_is_listed_with_its_place() -> None:
    _, mistakes = parse_json(b'{"a": [0, NaN, {"b": -Infinity}], "c": 1}', "f.json")
    assert mistakes == [
        "f.json, a[1]: nan is no JSON number",
        "f.json, a[2].b: -inf is no JSON number",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON at line 1, column 1: Expecting value"),
        (b'{"a": 1,\n "b"', "not JSON at line 2, column 5: Expecting ':' delimiter"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"\xff\xfe\x00", "not UTF-16-LE at byte 2"),
        (b"[" * 100_000 + b"]" * 100_000, "its lists and objects are nested too deeply"),
        (b'{"id": ' + b"9" * 5000 + b"}", "holds what cannot be read: Exceeds the limit"),
    ],
)
def test_what_cannot_be_read_is_one_mistake(data: bytes, message: str) -> None:
    value, mistakes = parse_json(data, "f.json")
    assert value is None
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"f.json: {message}")


def test_mistakes_are_found_at_any_depth_that_can_be_read() -> None:
    data = b"[" * 900 + b"NaN" + b"]" * 900
    _, (mistake,) = parse_json(data, "f.json")
    assert mistake == "f.json" + "[0]" * 900 + ": nan is no JSON number"
