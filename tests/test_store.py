"""The run folder: no flushed record is lost, no other run mixed in, nothing foreign touched."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.config import read_settings
from evals.errors import ResultsError
from evals.identity import Identity, hash_identity
from evals.records import (
    RECORDS,
    Generated,
    Ranked,
    Record,
    read_failures,
    read_records,
    write_failures,
)
from evals.store import (
    ANSWERED,
    CONFIG,
    IDENTITY,
    PLAN,
    Doubt,
    RunFolder,
    name_run,
    read_answered,
    read_config,
    read_hash,
    read_identity,
    write_answered,
)
from evals.summary import SUMMARY, RunSummary, read_summary, write_summary
from tests.identities import CONTENT, make_identity


def open_folder(path: Path, identity: Identity | None = None) -> RunFolder:
    return RunFolder(path, identity or make_identity(), {"model": {"device": "cpu"}})


def record(record_id: str, text: str = "yes") -> Record:
    return Record(record_id, Generated(text, (1, 2), -0.5, "eos"), "0" * 64, ("s1",), (), 17)


def write_records(path: Path, *records: Record) -> None:
    with open_folder(path) as folder:
        for one in records:
            folder.append(one)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# ------------------------------------------------------------------------- records

ANY_TEXT = st.text(st.characters(), max_size=12)  # lone surrogates, newlines, NUL, U+2028
IDS = st.lists(ANY_TEXT, max_size=3).map(tuple)
FLOATS = st.floats(allow_nan=False)
RESPONSES = st.one_of(
    st.builds(
        Generated,
        ANY_TEXT,
        st.lists(st.integers(0, 32002), max_size=4).map(tuple),
        FLOATS,
        st.sampled_from(["eos", "stop", "length"]),
    ),
    st.builds(
        Ranked,
        st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=6).map(tuple),
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
    ),
)
RECORD_LISTS = st.lists(
    st.builds(
        Record,
        id=ANY_TEXT,
        response=RESPONSES,
        prompt_sha256=st.just("0" * 64),
        demonstrations=IDS,
        dropped=IDS,
        num_prompt_tokens=st.integers(0, 2048),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)


@given(RECORD_LISTS)
def test_records_come_back_as_they_were_in_the_order_of_their_arrival(
    records: list[Record],
) -> None:
    with TemporaryDirectory() as folder:
        write_records(Path(folder) / "run", *records)
        assert list(read_records(Path(folder) / "run")) == records


@pytest.mark.parametrize("text", ["\ud800", "\ud83d\ude00 in halves", "a\nb\r\n\x85\u2028c", "é😀"])
def test_a_text_that_is_no_utf8_or_has_line_ends_is_one_line(tmp_path: Path, text: str) -> None:
    write_records(tmp_path / "run", record("1", text), record("2"))
    assert (tmp_path / "run" / RECORDS).read_bytes().count(b"\n") == 2
    first, _ = read_records(tmp_path / "run")
    assert isinstance(first.response, Generated)
    assert first.response.text == text


def test_a_record_has_what_a_reader_of_the_file_looks_for(tmp_path: Path) -> None:
    ranked = Ranked(((-1.0, -2.0), (-1.5, -0.5)), (1, 2))
    write_records(
        tmp_path / "run",
        record("1", "a dog"),
        replace(record("2"), response=ranked, dropped=("x",)),
    )
    lines = [json.loads(line) for line in (tmp_path / "run" / RECORDS).read_text().splitlines()]
    shared = {"prompt_sha256": "0" * 64, "demonstrations": ["s1"], "num_prompt_tokens": 17}
    generated = {"text": "a dog", "token_ids": [1, 2], "num_new_tokens": 2, "logprob": -0.5}
    scores = {"logprobs": [[-1.0, -2.0], [-1.5, -0.5]], "num_tokens": [1, 2]}
    assert lines == [
        {"id": "1", **generated, "finish_reason": "eos", "dropped": [], **shared},
        {"id": "2", **scores, "dropped": ["x"], **shared},
    ]


def test_a_last_line_torn_at_any_byte_is_cut_and_written_again(tmp_path: Path) -> None:
    records = [record("1"), record("2", "é\n😀"), record("3")]
    write_records(tmp_path / "run", *records)
    path = tmp_path / "run" / RECORDS
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        num_whole = whole[:length].count(b"\n")
        assert list(read_records(tmp_path / "run")) == records[:num_whole]
        if length % 29 == 0 or b"\n" in whole[length - 2 : length + 2]:  # each waits for the disk
            write_records(tmp_path / "run", *records[num_whole:])
            assert path.read_bytes() == whole


def test_a_long_torn_line_is_cut_whole(tmp_path: Path) -> None:
    """Longer than the blocks that the end of the file is read in."""
    write_records(tmp_path / "run", record("1"), record("2", "x" * 200_000))
    path = tmp_path / "run" / RECORDS
    path.write_bytes(path.read_bytes()[:-1])
    write_records(tmp_path / "run", record("3"))
    assert [one.id for one in read_records(tmp_path / "run")] == ["1", "3"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": "2", "text": "ye',
        b"",
        b"null",
        b"[]",
        b'"text"',
        b'{"id": "2"}',
        b'{"id": "2", "text": "yes"}',
        b'{"id": "2", "logprobs": 3}',
        b'{"id": ["2"], "text": "", "token_ids": [], "logprob": 0, "finish_reason": "eos", '
        b'"prompt_sha256": "", "demonstrations": [], "dropped": [], "num_prompt_tokens": 1}',
        b'{"id": "2", "text": ["yes"], "token_ids": [], "logprob": 0, "finish_reason": "eos", '
        b'"prompt_sha256": "", "demonstrations": [], "dropped": [], "num_prompt_tokens": 1}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize("is_last", [False, True])
def test_a_malformed_line_is_an_error_that_names_it(
    tmp_path: Path, line: bytes, is_last: bool
) -> None:
    write_records(tmp_path / "run", record("1"))
    path = tmp_path / "run" / RECORDS
    first = path.read_bytes()
    path.write_bytes(first + line + b"\n" + (b"" if is_last else record("3").to_json().encode()))
    with pytest.raises(ResultsError, match=r"records.jsonl line 2 is no record .*delete that line"):
        list(read_records(tmp_path / "run"))


def test_a_query_that_was_answered_twice_is_an_error(tmp_path: Path) -> None:
    write_records(tmp_path / "run", record("1"), record("2"), record("1"))
    with pytest.raises(ResultsError, match="line 3: query 1 a second time"):
        list(read_records(tmp_path / "run"))


def test_a_folder_without_records_has_none(tmp_path: Path) -> None:
    assert list(read_records(tmp_path)) == []


# ------------------------------------------------------------------------- processes

WRITER = """
import sys
from pathlib import Path
from evals.records import Generated, Record
from evals.store import RunFolder
from tests.identities import make_identity
with RunFolder(Path(sys.argv[1]), make_identity(), {"model": {"device": "cpu"}}) as f:
    for number in range(10**9):
        f.append(Record(str(number), Generated("x" * 999, (1,), 0.0, "eos"), "", (), (), number))
        print(number, flush=True)
        if number >= int(sys.argv[2]):
            sys.stdin.read()  # hold the folder until the parent lets go
"""


@pytest.fixture
def start_writer() -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, *, stop_at: int) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(stop_at)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_kill_in_the_middle_of_writing_loses_no_flushed_record(
    tmp_path: Path, start_writer: Any
) -> None:
    run_dir = tmp_path / "run"
    writer = start_writer(run_dir, stop_at=10**9)
    for _ in range(200):
        reported = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    if lines := rest[: rest.rfind("\n") + 1].split():
        reported = int(lines[-1])
    assert writer.returncode == -signal.SIGKILL

    found = [one.num_prompt_tokens for one in read_records(run_dir)]
    assert found == list(range(len(found)))
    assert len(found) > reported >= 199
    write_records(run_dir, record("after"))
    resumed = [one.id for one in read_records(run_dir)]
    assert resumed == [*map(str, found), "after"]


def test_two_processes_cannot_hold_one_folder(tmp_path: Path, start_writer: Any) -> None:
    run_dir = tmp_path / "run"
    writer = start_writer(run_dir, stop_at=0)
    writer.stdout.readline()
    before = files_of(run_dir)
    with pytest.raises(ResultsError, match="is being written by another process"):
        RunFolder(run_dir, make_identity(), {"model": {"device": "cuda"}})
    assert files_of(run_dir) == before, "a refused call changes nothing, its settings neither"

    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    write_records(run_dir, record("next"))
    assert [one.id for one in read_records(run_dir)] == ["0", "next"]


def test_a_folder_is_free_again_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with open_folder(tmp_path / "run") as folder:
            folder.append(record("1"))
            raise ValueError("the model failed")

    with pytest.raises(ValueError, match="the model failed"):
        fail()
    write_records(tmp_path / "run", record("2"))
    assert [one.id for one in read_records(tmp_path / "run")] == ["1", "2"]


# ------------------------------------------------------------------------- identity


def test_the_same_run_opens_its_folder_again_with_other_settings(tmp_path: Path) -> None:
    write_records(tmp_path / "run", record("1"))
    with RunFolder(tmp_path / "run", make_identity(), {"limit": 5}):
        assert read_config(tmp_path / "run") == {"limit": 5}
    assert [one.id for one in read_records(tmp_path / "run")] == ["1"]


def test_identities_are_compared_as_they_are_read_back(tmp_path: Path) -> None:
    with open_folder(tmp_path / "run", make_identity(protocol={"stop": ("a", "b")})) as first:
        pass
    with open_folder(tmp_path / "run", make_identity(protocol={"stop": ["a", "b"]})) as again:
        assert again.hash == first.hash == read_hash(tmp_path / "run")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=2)),
    lambda values: st.one_of(
        st.lists(values, max_size=2), st.dictionaries(st.text(max_size=2), values, max_size=2)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=2), JSON, max_size=3), st.data())
def test_the_hash_ignores_the_order_of_keys_and_nothing_else(
    identity: dict[str, Any], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(identity.items()))))
    assert hash_identity(shuffled) == hash_identity(identity)
    other = data.draw(st.dictionaries(st.text(max_size=2), JSON, max_size=3))
    same = json.dumps(other, sort_keys=True) == json.dumps(identity, sort_keys=True)
    assert (hash_identity(other) == hash_identity(identity)) == same


def test_another_run_is_refused_with_all_that_differs(tmp_path: Path) -> None:
    held = make_identity(protocol={"decoding": {"num_beams": 1, "stop": ["Question"]}})
    asked = make_identity(
        run={"shots": 8},
        queries=replace(CONTENT, examples="others"),
        protocol={"decoding": {"num_beams": 3, "stop": ["Question"]}, "max_tokens": 9},
    )
    with open_folder(tmp_path / "run", held) as folder:
        folder.append(record("1"))
    before = files_of(tmp_path / "run")
    with pytest.raises(ResultsError) as caught:
        open_folder(tmp_path / "run", asked)
    assert str(caught.value).splitlines() == [
        f"run_dir={tmp_path / 'run'} holds another run (hash {held.to_json()['hash']}, this one "
        f"{asked.to_json()['hash']}); choose another folder. They differ in:",
        "  - protocol.decoding.num_beams: 1, asked 3",
        "  - protocol.max_tokens: null, asked 9",
        '  - queries.examples: "examples", asked "others"',
        "  - run.shots: 4, asked 8",
    ]
    assert files_of(tmp_path / "run") == before


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({}, Doubt.NONE),
        ({"stamp": "later"}, Doubt.TIMES),
        ({"pictures": "others"}, Doubt.PICTURES),
        ({"pictures": "others", "stamp": "later"}, Doubt.PICTURES),
    ],
)
@pytest.mark.parametrize("split", ["queries", "support"])
def test_other_pictures_leave_a_doubt_and_nothing_is_written_before_it_is_settled(
    tmp_path: Path, split: str, change: dict[str, str], doubt: Doubt
) -> None:
    write_records(tmp_path / "run", record("1"))
    before = files_of(tmp_path / "run")
    asked = make_identity(**{split: replace(CONTENT, **change)})
    with RunFolder(tmp_path / "run", asked, {"limit": 5}) as folder:
        assert folder.doubt is doubt
        if doubt is Doubt.PICTURES:
            assert files_of(tmp_path / "run") == before
        folder.adopt()
    assert read_hash(tmp_path / "run") == asked.to_json()["hash"]
    assert read_config(tmp_path / "run") == {"limit": 5}
    with RunFolder(tmp_path / "run", asked, {}) as again:
        assert again.doubt is Doubt.NONE


def test_an_identity_of_before_pictures_were_in_it_is_not_continued(tmp_path: Path) -> None:
    write_records(tmp_path / "run", record("1"))
    old = {"hash": "d6f4ba283084", "task": "vqav2", "split": "val", "shots": 4}
    old |= {"protocol": {"name": "idefics"}, "model": {"name": "mock"}}
    (tmp_path / "run" / IDENTITY).write_text(json.dumps(old))
    before = files_of(tmp_path / "run")
    with pytest.raises(ResultsError, match=r"did not cover pictures.*choose another folder to run"):
        open_folder(tmp_path / "run")
    assert files_of(tmp_path / "run") == before


@pytest.mark.parametrize("name", ["notes.txt", RECORDS, PLAN, SUMMARY, "folder/file"])
def test_a_folder_with_foreign_content_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    """Also one with records and no identity: nobody knows what they answer."""
    foreign = tmp_path / "mine" / name
    foreign.parent.mkdir(parents=True)
    foreign.write_text("keep me")
    with pytest.raises(ResultsError, match="is not empty and holds no run; choose another folder"):
        open_folder(tmp_path / "mine")
    assert files_of(tmp_path / "mine") == {name: b"keep me"}


@pytest.mark.parametrize("leftover", [RECORDS, ".identity.json.k1ll3d"])
def test_a_run_that_was_killed_before_it_had_an_identity_can_start_again(
    tmp_path: Path, leftover: str
) -> None:
    (tmp_path / leftover).touch()
    write_records(tmp_path, record("1"))
    assert [one.id for one in read_records(tmp_path)] == ["1"]


@pytest.mark.parametrize("content", ["torn", "[1]", "3"])
def test_a_malformed_identity_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    (tmp_path / IDENTITY).write_text(content)
    with pytest.raises(ResultsError, match=rf"{IDENTITY}: .*choose another run_dir"):
        open_folder(tmp_path)


# ------------------------------------------------------------------------- the other files


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    config = {"task": ["vqav2"], "protocol": {"stop": ["\n", "é"], "bos": False}, "limit": None}
    with RunFolder(tmp_path / "run", make_identity(), config):
        assert read_config(tmp_path / "run") == config
    with pytest.raises(ResultsError, match=f"is no run folder: it has no {CONFIG}"):
        read_config(tmp_path)


def test_what_answers_were_made_from_comes_back(tmp_path: Path) -> None:
    assert read_answered(tmp_path) == {}
    answered = {"model": {"label": "é"}, "timing": {"seconds": 1.5}}
    write_answered(tmp_path, answered)
    assert read_answered(tmp_path) == answered


DEEP = '{"a": ' * 40 + "1" + "}" * 40


@pytest.mark.parametrize("content", ["{", "[1]", "\ud800", '{"a": "\\ud800"}', DEEP, "{}"])
def test_a_damaged_file_of_a_run_is_named(tmp_path: Path, content: str) -> None:
    for name, read in (
        (ANSWERED, read_answered),
        (IDENTITY, read_identity),
        (CONFIG, read_settings),
    ):
        (tmp_path / name).write_bytes(content.encode("utf-8", "surrogatepass"))
        with pytest.raises(ResultsError, match=name):
            read(tmp_path)


SUMMARY_VALUES = RunSummary(
    task="vqav2",
    task_version=1,
    kind="vqa",
    split="val",
    support_split="train",
    shots=4,
    seed=0,
    model="tiny",
    protocol="idefics",
    protocol_changes=("priming",),
    sampler="random",
    num_support=2048,
    headline="official",
    scores={"official": {"value": None, "note": "não"}},
    breakdowns={"official": {"answer_type=number": {"value": 0.5, "num_examples": 3}}},
    unscored="",
    num_queries=10,
    num_split=10,
    num_official=214354,
    is_mini=True,
    benchmark="vqav2",
    reference_split=None,
    num_dropped=0,
    hash="0123456789ab",
    plan_sha256="0" * 64,
    prompts_sha256="1" * 64,
    answered={"model": {"label": "tiny"}},
    scored={"commit": None},
)


def test_a_summary_comes_back_as_it_was(tmp_path: Path) -> None:
    write_summary(tmp_path, SUMMARY_VALUES)
    assert read_summary(tmp_path) == SUMMARY_VALUES


def test_a_missing_summary_says_whether_there_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="it is no run folder"):
        read_summary(tmp_path / "nowhere")
    with open_folder(tmp_path / "run"):
        pass
    with pytest.raises(ResultsError, match="it was not finished: run the same command again"):
        read_summary(tmp_path / "run")


@pytest.mark.parametrize("content", ["torn", "[]", "{}", '{"protocol_changes": [], "new": 1}'])
def test_a_summary_of_another_version_is_an_error_with_the_way_out(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / SUMMARY).write_text(content)
    with pytest.raises(ResultsError, match=r"summary.json: .*`evals score .*` makes it again"):
        read_summary(tmp_path)


def test_a_run_folders_name_is_safe_for_any_file_system() -> None:
    name = name_run(task="vqav2", model="a b/c:d", shots=4, seed=0, digest="0123456789ab")
    assert name == "vqav2-a-b-c-d-4shot-seed0-0123456789ab"


# ------------------------------------------------------------------------- failures


def test_failures_are_kept_beside_the_records_and_replaced(tmp_path: Path) -> None:
    assert read_failures(tmp_path) == {}
    write_failures(tmp_path, {"1": "it is empty", "\ud800": "é\u2028"})
    assert read_failures(tmp_path) == {"1": "it is empty", "\ud800": "é\u2028"}
    write_failures(tmp_path, {"2": "gone"})
    assert read_failures(tmp_path) == {"2": "gone"}
    write_failures(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", [b"", b"null", b"[1]", b'{"id": "1"}', b"[" * 10**5, b"\xff"])
def test_a_malformed_failure_is_an_error_that_names_it(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "failures.jsonl").write_bytes(b'{"id": "1", "failure": "x"}\n' + line + b"\n")
    with pytest.raises(ResultsError, match=r"failures\.jsonl line 2 is no failure"):
        read_failures(tmp_path)
