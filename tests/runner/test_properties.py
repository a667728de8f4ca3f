"""What moves no answer and no score of a run: limit, resuming, batches, the order of records.

The mini benchmarks with a model that makes up its answers, so that whole runs take a tenth of a
second. Without captions: METEOR starts for five seconds each time; tests/metrics/test_properties.py
holds the same of their scores.
"""

import json
import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.files import cache_dir
from evals.mini import ensure_mini
from evals.models.mock import MOCK_INFO, MockModel
from evals.runner import Session, run_all, score_run
from evals.summary import RunSummary, read_summary
from evals.types import (
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
)
from tests.runner.calls import Silent, open_session

NUM_QUERIES = 200


@dataclass(frozen=True)
class BatchingModel:
    """The mock, which reads a batch ahead and answers it in any order."""

    batch_size: int
    shuffler: random.Random
    mock: MockModel = field(default_factory=MockModel)
    notes: tuple[str, ...] = ()
    info: ModelInfo = MOCK_INFO

    @property
    def max_tokens(self) -> int:
        return self.mock.max_tokens

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return self.mock.count_tokens(prompt, bos=bos)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        unread = iter(requests)
        while batch := list(islice(unread, self.batch_size)):
            yield from self.mock.generate(self.shuffler.sample(batch, len(batch)))

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        unread = iter(requests)
        while batch := list(islice(unread, self.batch_size)):
            yield from self.mock.loglikelihood(self.shuffler.sample(batch, len(batch)))


@dataclass(frozen=True)
class BatchingSpec:
    """Its settings: how many at a time, and in which order they are answered."""

    batch_size: int
    order: int

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> BatchingModel:
        return BatchingModel(self.batch_size, random.Random(self.order))


class Case(NamedTuple):
    """What a run's answers depend on."""

    overrides: tuple[str, ...]
    shots: int


class Found(NamedTuple):
    """All that a run folder holds but by which code and when its answers and scores were made."""

    summary: RunSummary
    queries: list[bytes]
    plan: list[bytes]
    records: list[bytes]

    def sorted(self) -> "Found":
        return self._replace(records=sorted(self.records))


def look(run_dir: Path) -> Found:
    lines = (
        (run_dir / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        for name in ("queries", "plan", "records")
    )
    return Found(replace(read_summary(run_dir), answered={}, scored={}), *lines)


OVERRIDES = st.sampled_from(
    [
        ("task=vqav2",),
        ("task=okvqa", "protocol=flamingo"),
        ("task=textvqa", "demonstrations.sampler=fixed"),
        ("task=hateful_memes", "demonstrations.sampler=balanced"),
        ("task=hateful_memes", "protocol=openflamingo"),
    ]
)
"""The last asks up to six times for each query, with its demonstrations in other orders."""
CASES = st.builds(Case, OVERRIDES, st.integers(0, 4))
LIMITS = st.integers(1, NUM_QUERIES - 1)
MODELS = st.builds(BatchingSpec, st.integers(1, 50), st.integers(0, 9))


class Runs:
    """Makes runs; the data are loaded, and the whole run in file order is made, once a case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[tuple[str, ...], Session] = {}
        self._whole: dict[Case, Path] = {}

    def make(
        self,
        case: Case,
        run_dir: Path,
        *,
        limit: int | None = None,
        model: BatchingSpec | None = None,
    ) -> Found:
        session = self._open(case.overrides)
        settings = replace(
            session.settings,
            shots=(case.shots,),
            limit=limit,
            model=model or session.settings.model,
            run_dir=run_dir,
        )
        ((folder, _),) = run_all(replace(session, settings=settings))
        return look(folder)

    def whole(self, case: Case) -> Found:
        return look(self._find_whole(case))

    def copy_whole(self, case: Case, folder: str) -> Path:
        return Path(shutil.copytree(self._find_whole(case), Path(folder) / "copy"))

    def _find_whole(self, case: Case) -> Path:
        if case not in self._whole:
            self._whole[case] = self._folder / str(len(self._whole))
            self.make(case, self._whole[case])
        return self._whole[case]

    def _open(self, overrides: tuple[str, ...]) -> Session:
        if overrides not in self._sessions:
            task = overrides[0].removeprefix("task=")
            data_dir = f"data_dir={ensure_mini(cache_dir()) / task}"
            self._sessions[overrides] = open_session(*overrides, "model=mock", data_dir)
        return self._sessions[overrides]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


@settings(max_examples=8)
@given(case=CASES, limit=LIMITS)
def test_a_limit_asks_and_scores_the_first_queries_of_the_whole_run(
    runs: Runs, case: Case, limit: int
) -> None:
    whole = runs.whole(case)
    with TemporaryDirectory() as folder:
        part = runs.make(case, Path(folder) / "part", limit=limit)
    assert part.plan == whole.plan[: 1 + limit]
    assert part.records == whole.records[:limit]
    assert part.queries == whole.queries[:limit]


@settings(max_examples=8)
@given(case=CASES, limit=LIMITS)
def test_answers_beyond_the_limit_take_no_part_in_its_scores(
    runs: Runs, case: Case, limit: int
) -> None:
    with TemporaryDirectory() as folder:
        alone = runs.make(case, Path(folder) / "alone", limit=limit)
        among_all = runs.make(case, runs.copy_whole(case, folder), limit=limit)
    assert len(among_all.records) == NUM_QUERIES
    assert among_all.plan == runs.whole(case).plan
    assert among_all._replace(records=alone.records, plan=alone.plan) == alone


@settings(max_examples=6)
@given(case=CASES, limits=st.lists(LIMITS, min_size=1, max_size=2).map(sorted))
def test_a_run_that_grows_by_its_limit_ends_as_the_run_at_once(
    runs: Runs, case: Case, limits: list[int]
) -> None:
    with TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        for limit in limits:
            runs.make(case, run_dir, limit=limit)
        assert runs.make(case, run_dir) == runs.whole(case)


@settings(max_examples=10)
@given(case=CASES, part=st.floats(0, 1), before=MODELS, after=MODELS)
def test_records_cut_at_any_byte_are_completed_to_the_same_run(
    runs: Runs, case: Case, part: float, before: BatchingSpec, after: BatchingSpec
) -> None:
    with TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        runs.make(case, run_dir, model=before)
        path = run_dir / "records.jsonl"
        kept = path.read_bytes()[: int(part * path.stat().st_size)]
        path.write_bytes(kept)
        completed = runs.make(case, run_dir, model=after)
    whole_lines = [line for line in kept.splitlines(keepends=True) if line.endswith(b"\n")]
    assert completed.records[: len(whole_lines)] == whole_lines
    assert completed.sorted() == runs.whole(case).sorted()


@settings(max_examples=10)
@given(case=CASES, model=MODELS)
def test_batches_and_the_order_of_their_answers_move_nothing(
    runs: Runs, case: Case, model: BatchingSpec
) -> None:
    with TemporaryDirectory() as folder:
        found = runs.make(case, Path(folder) / "run", model=model)
    assert found.sorted() == runs.whole(case).sorted()


@settings(max_examples=10)
@given(case=CASES, shuffler=st.randoms())
def test_the_order_of_records_moves_no_score(
    runs: Runs, case: Case, shuffler: random.Random
) -> None:
    whole = runs.whole(case)
    shuffled = shuffler.sample(whole.records, NUM_QUERIES)
    with TemporaryDirectory() as folder:
        run_dir = runs.copy_whole(case, folder)
        (run_dir / "records.jsonl").write_bytes(b"".join(shuffled))
        for made_again in ("queries.jsonl", "summary.json"):
            (run_dir / made_again).unlink()
        score_run(run_dir, Silent())
        assert look(run_dir) == whole._replace(records=shuffled)


@settings(max_examples=15)
@given(overrides=OVERRIDES, shots=st.integers(1, 4), limit=LIMITS)
def test_fewer_shots_of_a_limit_are_the_beginning_of_twice_as_many_of_all(
    runs: Runs, overrides: tuple[str, ...], shots: int, limit: int
) -> None:
    large = runs.whole(Case(overrides, 2 * shots))
    with TemporaryDirectory() as folder:
        small = runs.make(Case(overrides, shots), Path(folder) / "run", limit=limit)
    for part, whole in zip(small.plan[1:], large.plan[1 : 1 + limit], strict=True):
        shown = json.loads(whole)
        assert json.loads(part) == shown | {"demonstrations": shown["demonstrations"][:shots]}
