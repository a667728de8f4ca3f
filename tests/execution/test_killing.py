"""Runs whose workers, or whose driver, are killed: in the end they are the run that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from evals.evaluating.loaded import Loaded
from evals.records import Record, read_records
from evals.runner import Session, run_all
from evals.summary import RunSummary
from tests.cli.processes import EVALS, environment, run_piped
from tests.execution.clusters import (
    MARK,
    RAYS_OWN,
    find_crew,
    list_marked,
    open_spread,
    start_cluster,
)
from tests.runner.calls import Silent, open_session
from tests.runner.test_tiny import assert_same_answers

T = TypeVar("T")

WORDS = ("task=vqav2", "model=tiny", "shots=2", "limit=60", "model.batch_size=2")
NUM_RUNS = 20


class Stop(Exception):
    """The driver ends here."""


@dataclass
class Killing(Silent):
    """Progress that kills a busy worker after some of the records, and ends after one of them."""

    session: Session
    kill_after: frozenset[int]
    stop_after: int | None = None
    killed: list[int] = field(default_factory=list)

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        for number, value in enumerate(values, start=1):
            yield value
            if description == "demonstrations":
                continue
            if number in self.kill_after:
                self._kill(number)
            if number == self.stop_after:
                raise Stop

    def _kill(self, number: int) -> None:
        busy = [member for member in find_crew(self.session).members if member.chunk]
        if busy:
            place = random.Random(number).choice(busy).place
            assert place is not None
            os.kill(place.pid, signal.SIGKILL)
            self.killed.append(place.pid)


def read(run_dir: Path) -> dict[str, Record]:
    """Read a run's records, none of them twice."""
    records = list(read_records(run_dir))
    lines = (run_dir / "records.jsonl").read_text().splitlines()
    by_id = {record.id: record for record in records}
    assert len(by_id) == len(records) == len(lines)
    return by_id


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Record], RunSummary]:
    """Give the run that nobody disturbed, in one process and without Ray."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    ((_, summary),) = run_all(open_session(*WORDS, f"run_dir={run_dir}"))
    return read(run_dir), summary


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with start_cluster(num_nodes=3) as started:
        yield started


def assert_same_run(
    run_dir: Path, summary: RunSummary, whole: tuple[dict[str, Record], RunSummary]
) -> None:
    expected, expected_summary = whole
    assert_same_answers(expected, read(run_dir))
    assert summary.scores == expected_summary.scores
    assert summary.prompts_sha256 == expected_summary.prompts_sha256
    assert summary.hash == expected_summary.hash


@pytest.mark.slow
def test_twenty_runs_with_killed_workers_are_the_run_of_one_process(
    cluster: Any, whole: tuple[dict[str, Record], RunSummary], tmp_path: Path
) -> None:
    """Every second run is stopped halfway as well, and goes on with other workers."""
    ray_words = ("execution=ray", f"execution.address={cluster.address}", "execution.chunk_size=8")
    num_killed = 0
    with open_spread(*WORDS, *ray_words, "execution.num_workers=2") as shared:
        settings = replace(shared.settings, model=Loaded(shared.model))
        for number in range(NUM_RUNS):
            run_dir = tmp_path / str(number)
            drawn = random.Random(f"killing {number}")
            for stop_after in (drawn.randint(10, 50), None) if number % 2 else (None,):
                kill_after = frozenset(drawn.sample(range(1, 55), 2))
                progress = Killing(shared, kill_after, stop_after)
                session = Session(replace(settings, run_dir=run_dir), progress)
                try:
                    ((_, summary),) = run_all(session)
                except Stop:
                    assert len(read(run_dir)) == stop_after
                num_killed += len(progress.killed)
            assert_same_run(run_dir, summary, whole)
    sys.stdout.write(f"{NUM_RUNS} runs, {num_killed} workers killed\n")
    assert num_killed >= NUM_RUNS


@pytest.mark.slow
def test_a_killed_driver_s_run_goes_on_with_any_number_of_workers(
    cluster: Any, whole: tuple[dict[str, Record], RunSummary], tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    words = [*WORDS, f"run_dir={run_dir}", "execution=ray", "execution.cpus_per_worker=1"]
    words += [f"execution.address={cluster.address}", "execution.chunk_size=8"]
    records = run_dir / "records.jsonl"
    for num_workers, enough in ((1, 8), (2, 24)):
        command = [*EVALS, "run", *words, f"execution.num_workers={num_workers}"]
        driver = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
            env=environment(**RAYS_OWN),
        )
        deadline = time.monotonic() + 300
        while not (records.is_file() and records.read_bytes().count(b"\n") >= enough):
            assert driver.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        driver.kill()
        driver.wait()
        num_there = records.read_bytes().count(b"\n")
        sys.stdout.write(f"{num_workers} workers: killed with {num_there} of {len(whole[0])}\n")
        assert num_there < len(whole[0])
    with open_spread(*words, "execution.num_workers=3") as session:
        ((_, summary),) = run_all(session)
    assert_same_run(run_dir, summary, whole)


@pytest.mark.slow
def test_a_cluster_of_the_call_s_own_ends_with_it(
    whole: tuple[dict[str, Record], RunSummary], tmp_path: Path
) -> None:
    marked = {**RAYS_OWN, MARK: str(tmp_path)}
    words = ["run", *WORDS, f"run_dir={tmp_path / 'run'}", "execution=ray"]
    done = run_piped([*EVALS, *words], cwd=tmp_path, **marked)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert_same_answers(whole[0], read(tmp_path / "run"))
    assert not list_marked(str(tmp_path))
    driver = subprocess.Popen(
        [*EVALS, *words[:-2], f"run_dir={tmp_path / 'killed'}", "execution=ray"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment(**marked),
    )
    while not (tmp_path / "killed" / "records.jsonl").is_file():
        time.sleep(0.05)
    time.sleep(10)
    driver.kill()
    driver.wait()
    deadline = time.monotonic() + 180
    while list_marked(str(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(1)
