"""on_error: unreadable pictures stop a run, or are recorded, retried and told of."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pytest
from PIL import Image as PilImages

from evals.comparison.compare import compare_runs
from evals.comparison.pairing import find_cautions, read_run
from evals.errors import DataError, PictureError
from evals.metrics.caption import cider, tokenise
from evals.models.mock import MOCK_INFO
from evals.query_scores import read_query_scores
from evals.records import read_failures, read_records, write_failures
from evals.report.comparability import list_reasons
from evals.report.table import build_table
from evals.results import load, load_records
from evals.runner import Session, State, export_run, run_all, score_run, verify_run
from evals.runner.scoring import fail
from evals.summary import RunSummary, read_summary
from evals.types import (
    Answer,
    Example,
    GenerateRequest,
    Generation,
    Model,
    ModelInfo,
    Prediction,
)
from tasks.coco import coco
from tests.official import write_picture
from tests.runner.calls import Silent, evaluate, make_data, open_session
from tests.runner.noting import NotingModel

RECORD = "on_error=record"
T = TypeVar("T")


def find_pictures(where: Path, task: str, folder: str) -> list[Path]:
    return sorted((where / "data" / task / folder).iterdir())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """VQAv2: four questions on three pictures, those of two questions shared."""
    make_data("vqav2", tmp_path / "data" / "vqav2")
    return tmp_path


def break_pictures(where: Path, *, folder: str = "val2014") -> tuple[Path, Path]:
    """Cut one picture short and take another away; their questions are 1000 x id + a number."""
    _, cut, gone = find_pictures(where, "vqav2", folder)
    cut.write_bytes(cut.read_bytes()[:150])
    gone.unlink()
    return cut, gone


def test_a_query_with_an_unreadable_picture_is_recorded_and_scores_zero(data: Path) -> None:
    cut, gone = break_pictures(data)
    run_dir, summary = evaluate("vqav2", data, RECORD)
    failures = read_failures(run_dir)
    assert list(failures) == ["262155000", "262157002"]
    assert str(cut) in failures["262155000"]
    assert str(gone) in failures["262157002"]
    assert {record.id for record in read_records(run_dir)} == {"262148000", "262148001"}
    assert (summary.num_failures, summary.num_queries) == (2, 4)
    scored = {query.id: query for query in read_query_scores(run_dir)}
    assert [query.failed for query in scored.values()] == [False, False, True, True]
    for query_id in failures:
        assert scored[query_id].answer == ""
        assert set(scored[query_id].scores.values()) == {0.0}


def test_the_empty_answer_of_a_failure_matches_no_empty_reference(data: Path) -> None:
    """VQA's normalisation makes "" of an answer that is an article alone."""
    break_pictures(data)
    path = data / "data" / "vqav2" / "v2_mscoco_val2014_annotations.json"
    content = json.loads(path.read_text())
    for row in content["annotations"]:
        for number, answer in enumerate(row["answers"]):
            answer["answer"] = "a" if number % 2 else "the"
    path.write_text(json.dumps(content))
    run_dir, _ = evaluate("vqav2", data, RECORD)
    failed = [query for query in read_query_scores(run_dir) if query.failed]
    assert [query.scores["normalised"] for query in failed] == [0.0, 0.0]


def test_the_same_command_asks_again_and_finishes_once_pictures_are_there(data: Path) -> None:
    cut, gone = break_pictures(data)
    run_dir, part = evaluate("vqav2", data, RECORD)
    answered = (run_dir / "answered.json").read_bytes()
    _, again = evaluate("vqav2", data, RECORD)
    assert again == part
    assert (run_dir / "answered.json").read_bytes() == answered
    write_picture(cut, shade=262155)
    _, more = evaluate("vqav2", data, RECORD)
    assert list(read_failures(run_dir)) == ["262157002"]
    assert more.num_failures == 1
    write_picture(gone, shade=262157)
    _, whole = evaluate("vqav2", data)
    assert whole.num_failures == 0
    assert not (run_dir / "failures.jsonl").exists()
    _, afresh = evaluate("vqav2", data / "afresh")
    assert whole.scores == afresh.scores
    assert whole.prompts_sha256 == afresh.prompts_sha256
    assert whole.plan_sha256 == afresh.plan_sha256
    assert whole.hash == afresh.hash, "on_error is no part of a run's identity"
    assert whole.hash != part.hash, "the pictures are"
    assert {found.state for found in verify_run(run_dir, Silent())} == {State.HOLDS}


def test_a_failure_that_was_answered_is_none(data: Path) -> None:
    """The process was killed between the answer and the list of failures."""
    run_dir, whole = evaluate("vqav2", data)
    write_failures(run_dir, {"262155000": "it could not be read then"})
    for how in ("on_error=stop", RECORD):
        _, again = evaluate("vqav2", data, how)
        assert again == whole
        assert not (run_dir / "failures.jsonl").exists()


class StopsPlanning(Silent):
    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        assert description != "demonstrations"
        yield from values


def test_failures_are_on_disk_before_the_plan(data: Path) -> None:
    """Such a plan has any demonstrations for them: it is to be made anew once they are read."""
    break_pictures(data)
    words = (f"data_dir={data / 'data' / 'vqav2'}", f"run_dir={data / 'run'}", "shots=2", RECORD)
    session = open_session("task=vqav2", "model=mock", *words)
    with pytest.raises(AssertionError):
        list(run_all(Session(session.settings, StopsPlanning())))
    assert list(read_failures(data / "run")) == ["262155000", "262157002"]


def test_stopping_names_every_unreadable_picture_that_is_left(tmp_path: Path) -> None:
    """The shipped checkpoint meets one of them; the error lists all, demonstrations included."""
    data_dir = make_data("okvqa", tmp_path / "data" / "okvqa")
    first, _, third = find_pictures(tmp_path, "okvqa", "val2014")
    shown = find_pictures(tmp_path, "okvqa", "train2014")[0]
    for path in (first, third, shown):
        path.write_bytes(b"")
    session = open_session(
        *("task=okvqa", "model=tiny", "shots=2", "demonstrations.sampler=fixed"),
        *(f"data_dir={data_dir}", f"run_dir={tmp_path / 'run'}"),
    )
    with pytest.raises(PictureError) as raised:
        list(run_all(session))
    message = str(raised.value)
    assert "pictures cannot be read, 3 of queries and 1 of demonstrations; replace" in message
    assert "on_error=record" in message
    assert f"query 297147000: {first} cannot be decoded as a picture (it is empty)" in message
    assert f"query 297156002: {third}" in message
    assert f"{shown} cannot be decoded" in message
    assert not read_failures(tmp_path / "run")


def test_a_missing_picture_stops_the_load_unless_failures_are_recorded(data: Path) -> None:
    break_pictures(data)
    with pytest.raises(DataError, match=r"picture val2014/COCO_val2014_000000262157\.jpg is not"):
        evaluate("vqav2", data)
    assert not (data / "run").exists()


@pytest.mark.parametrize("support", ["train", "val"])
def test_an_unreadable_demonstration_stops_before_any_answer(support: str, data: Path) -> None:
    folder = "train2014" if support == "train" else "val2014"
    broken = find_pictures(data, "vqav2", folder)
    for path in broken[:2]:
        path.write_bytes(path.name.encode())
    shown = ("demonstrations.sampler=fixed", f"support_split={support}")
    with pytest.raises(PictureError) as raised:
        evaluate("vqav2", data, RECORD, *shown)
    assert "demonstration" in str(raised.value)
    assert "cannot be decoded as a picture" in str(raised.value)
    assert not list(read_records(data / "run"))
    assert not (data / "run" / "summary.json").exists()


def test_priming_shows_no_picture_so_that_none_must_be_readable(data: Path) -> None:
    for path in find_pictures(data, "vqav2", "train2014"):
        path.write_bytes(b"")
    _, summary = evaluate("vqav2", data, RECORD, "shots=0")
    assert summary.num_failures == 0


def test_a_closed_set_fails_to_even_probabilities(tmp_path: Path) -> None:
    make_data("hateful_memes", tmp_path / "data" / "hateful_memes")
    rows = (tmp_path / "data" / "hateful_memes" / "test_seen.jsonl").read_text().splitlines()
    labels = {str(row["id"]): row["label"] for row in map(json.loads, rows)}
    hateful = next(query_id for query_id, label in labels.items() if label == 1)
    clean = next(query_id for query_id, label in labels.items() if label == 0)
    for query_id in (hateful, clean):
        (tmp_path / "data" / "hateful_memes" / "img" / f"{int(query_id):05d}.png").unlink()
    run_dir, summary = evaluate("hateful_memes", tmp_path, RECORD)
    scored = {query.id: query for query in read_query_scores(run_dir)}
    assert scored[hateful].probabilities == scored[clean].probabilities == (0.5, 0.5)
    assert scored[hateful].scores["accuracy"] == scored[clean].scores["accuracy"] == 0.0
    assert summary.scores["roc_auc"]["value"] is not None
    exported = export_run(run_dir, tmp_path / "out", Silent())
    with exported.open() as file:
        sent = {row["id"]: row["proba"] for row in csv.DictReader(file)}
    assert sent[hateful] == sent[clean] == "0.5"


def test_a_failed_caption_is_empty() -> None:
    """Nothing of a whole run, whose METEOR would start a Java."""
    failed = fail(coco())
    assert failed == Answer("", failed=True)
    predictions = [
        Prediction(Example(str(number), image=None, references=("a cat on a mat",)), answer)
        for number, answer in enumerate((failed, Answer("a cat on a mat"), Answer("a dog")))
    ]
    scored = cider(tokenise(predictions)).per_example
    assert scored is not None
    assert scored["0"] == 0.0


def test_every_table_says_how_many_pictures_were_unreadable(data: Path) -> None:
    sound_dir, sound = evaluate("vqav2", data / "sound")
    break_pictures(data)
    run_dir, summary = evaluate("vqav2", data, RECORD)
    said = "2 of 4 queries' pictures unreadable: scored as wrong"
    assert said in list_reasons(summary)
    (cell,) = build_table([summary]).blocks[0].rows[0].cells
    assert cell is not None
    assert said in cell.remarks
    assert "queries with unreadable pictures, scored as wrong: 0 and 2" in find_cautions(
        read_run(sound_dir), read_run(run_dir)
    )
    assert compare_runs([(sound_dir, run_dir)])
    assert set(load(run_dir)["num_failures"]) == {2}
    assert pd.isna(load_records(run_dir)["num_prompt_tokens"]).sum() == 2
    assert sound.num_failures == 0


def test_scoring_again_and_verifying_need_no_unreadable_picture(data: Path) -> None:
    break_pictures(data)
    run_dir, summary = evaluate("vqav2", data, RECORD)
    (run_dir / "summary.json").unlink()
    assert score_run(run_dir, Silent()) == summary
    assert {finding.state for finding in verify_run(run_dir, Silent())} == {State.HOLDS}


def test_a_run_of_unreadable_pictures_alone_loads_no_model(data: Path) -> None:
    for path in find_pictures(data, "vqav2", "val2014"):
        path.unlink()
    unloadable = "model._target_=tests.runner.test_failures.UnloadableSpec"
    run_dir, summary = evaluate("vqav2", data, RECORD, unloadable)
    assert summary.num_failures == summary.num_queries == 4
    assert summary.scores["official"]["value"] == 0.0
    assert read_summary(run_dir).num_failures == 4


def test_a_smaller_limit_keeps_the_failures_beyond_it(data: Path) -> None:
    break_pictures(data)
    run_dir, _ = evaluate("vqav2", data, RECORD)
    _, part = evaluate("vqav2", data, RECORD, "limit=3")
    assert part.num_failures == 1
    assert len(read_failures(run_dir)) == 2


def test_rices_leaves_unreadable_queries_out_and_names_unreadable_support(tmp_path: Path) -> None:
    data_dir = make_data("okvqa", tmp_path / "data" / "okvqa")
    # Pictures that a vision tower tells apart.
    for number, path in enumerate(sorted(data_dir.rglob("*.jpg"))):
        PilImages.new("RGB", (8, 8), (number * 30, 255 - number * 30, 90)).save(path)
    find_pictures(tmp_path, "okvqa", "val2014")[0].write_bytes(b"GIF89a")
    words = (
        *("task=okvqa", "model=tiny", "shots=1", "demonstrations.sampler=rices", RECORD),
        *(f"data_dir={data_dir}", f"run_dir={tmp_path / 'run'}"),
    )
    ((_, summary),) = run_all(open_session(*words))
    assert isinstance(summary, RunSummary)
    assert summary.num_failures == 2  # both of the picture's questions
    support = find_pictures(tmp_path, "okvqa", "train2014")
    support[1].write_bytes(b"")
    with pytest.raises(PictureError, match=r"(?s)1 pictures cannot be read.*it is empty"):
        list(run_all(open_session(*words, "seed=1", f"run_dir={tmp_path / 'other'}")))


def test_a_picture_that_only_the_model_could_not_read_is_told_as_it_was(data: Path) -> None:
    """A disk that answers again by the time that all are looked at."""
    hiccup = "model._target_=tests.runner.test_failures.HiccupSpec"
    with pytest.raises(PictureError, match=r"^the disk was away$"):
        evaluate("vqav2", data, hiccup)


def test_the_mock_looks_at_no_picture_unless_failures_are_recorded(data: Path) -> None:
    find_pictures(data, "vqav2", "val2014")[1].write_bytes(b"no picture")
    _, summary = evaluate("vqav2", data)
    assert summary.num_failures == 0
    _, summary = evaluate("vqav2", data, RECORD, f"run_dir={data / 'other'}")
    assert summary.num_failures == 1


class HiccupSpec:
    """A model that cannot read a picture once."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> Model:
        return HiccupModel()


class HiccupModel(NotingModel):
    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        raise PictureError("the disk was away")


class UnloadableSpec:
    """The mock, which must not be needed."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> Model:
        raise AssertionError("loaded")
