"""Runs killed at any moment and resumed: `python -m tests.faults.kills --number 100`.

A suite of two benchmarks on the tiny checkpoint is run once undisturbed. Then it is run again and
again in folders of its own, killed with SIGKILL while it plans, answers, scores or writes, up to
three times, and resumed; at the end it must say what the undisturbed one said: the same ids,
prompts, texts and scores, log-probabilities within 1e-5, no id lost or doubled.

Each run is a fork of one process that has imported what a run needs: a second instead of five.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUITE = ("task=[okvqa,hateful_memes]", "model=tiny", "shots=2", "limit=10")
NUM_RUNS = 2
TOLERANCE = 1e-5

Phase = Callable[[Path, random.Random], Callable[[], bool]]
"""Given the folder of a call's runs: when to kill."""


@dataclass(frozen=True)
class Kill:
    phase: str
    happened: bool
    """False where the run was over before the moment came."""
    num_records: int
    """Lines that were on disk."""


def run_suite(folder: Path, *, kill_when: Callable[[], bool] | None = None) -> bool:
    """Run the suite in a fork; return whether it ended by itself.

    Raises:
        AssertionError: it ended with an error.
    """
    child = os.fork()
    if child == 0:
        _be_the_run(folder)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            log = folder.with_suffix(".log").read_text()
            assert os.waitstatus_to_exitcode(status) == 0, log[-3000:]
            return True
        if kill_when is not None and kill_when():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.0005)


def _be_the_run(folder: Path) -> None:
    from evals.cli import main

    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["evals", "run", *SUITE, f"run_dir={folder}"]
    try:
        main()
    except SystemExit as stop:
        os._exit(int(stop.code or 0))
    os._exit(0)


# -------------------------------------------------------------------------------- when to kill


def _while_planning(folder: Path, draw: random.Random) -> Callable[[], bool]:
    wanted = draw.randint(1, NUM_RUNS)
    opened = _watch(folder, "identity.json")
    return lambda: opened() >= wanted


def _while_answering(folder: Path, draw: random.Random) -> Callable[[], bool]:
    wanted = _count_lines(folder) + draw.randint(1, 12)
    return lambda: _count_lines(folder) >= wanted


def _while_scoring(folder: Path, draw: random.Random) -> Callable[[], bool]:
    wanted = draw.randint(1, NUM_RUNS)
    pause = draw.random() * 0.05
    opened = _watch(folder, "identity.json")

    def is_time() -> bool:
        if opened() < wanted or _count_lines(folder) < 10 * wanted:
            return False
        time.sleep(pause)
        return True

    return is_time


def _while_writing(folder: Path, draw: random.Random) -> Callable[[], bool]:
    """When a file is half written: what is written whole has a hidden name until then."""
    name = draw.choice(["queries.jsonl", "summary.json", "plan.jsonl", "answered.json"])
    begun, ended = _watch(folder, f".{name}.*"), _watch(folder, name)
    return lambda: begun() + ended() > 0


def _watch(folder: Path, name: str) -> Callable[[], int]:
    """Return what counts the files of a name that were written since: a resumed folder has some."""
    before = _list_files(folder, name)
    return lambda: len(_list_files(folder, name) - before)


def _list_files(folder: Path, name: str) -> set[tuple[Path, int]]:
    found = set()
    for path in folder.glob(f"*/{name}"):
        with suppress(FileNotFoundError):  # renamed meanwhile
            found.add((path, path.stat().st_mtime_ns))
    return found


def _at_any_time(folder: Path, draw: random.Random) -> Callable[[], bool]:
    end = time.monotonic() + draw.random() * 2.5
    return lambda: time.monotonic() >= end


PHASES: Mapping[str, Phase] = {
    "planning": _while_planning,
    "answering": _while_answering,
    "scoring": _while_scoring,
    "writing": _while_writing,
    "any time": _at_any_time,
}


def _count_lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*/records.jsonl"))


# -------------------------------------------------------------------------------- what must be


def try_once(folder: Path, expected: Mapping[str, Any], draw: random.Random) -> list[Kill]:
    """Run, kill and resume in one folder, and compare; return what was done.

    Raises:
        AssertionError: it ended otherwise than the undisturbed run.
    """
    kills = []
    for _ in range(draw.randint(1, 3)):
        phase = draw.choice(list(PHASES))
        ended = run_suite(folder, kill_when=PHASES[phase](folder, draw))
        kills.append(Kill(phase, not ended, _count_lines(folder)))
    run_suite(folder)
    compare(read_outcome(folder), expected)
    return kills


def read_outcome(folder: Path) -> dict[str, Any]:
    """Return what the runs of a folder said: records, what each query scored, scores."""
    outcome = {}
    for run in sorted(path.parent for path in folder.glob("*/summary.json")):
        records = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
        summary = json.loads((run / "summary.json").read_text())
        outcome[run.name] = {
            "records": records,
            "plan": (run / "plan.jsonl").read_text(),
            "answers": [
                {key: value for key, value in json.loads(line).items() if key != "probabilities"}
                for line in (run / "queries.jsonl").read_text().splitlines()
            ],
            "scores": {name: score["value"] for name, score in summary["scores"].items()},
            "prompts": summary["prompts_sha256"],
        }
    return outcome


def compare(outcome: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert outcome.keys() == expected.keys()
    for name, run in outcome.items():
        other = expected[name]
        for part in ("plan", "answers", "scores", "prompts"):
            assert run[part] == other[part], f"{name}: {part}"
        counts = Counter(record["id"] for record in run["records"])
        doubled = [query for query, count in counts.items() if count > 1]
        assert not doubled, f"{name}: ids twice: {doubled}"
        theirs = {record["id"]: record for record in other["records"]}
        assert counts.keys() == theirs.keys(), f"{name}: ids"
        for record in run["records"]:
            _compare_records(record, theirs[record["id"]])


def _compare_records(record: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in record.items():
        if key == "logprob":
            assert abs(value - other[key]) <= TOLERANCE, record["id"]
        elif key == "logprobs":
            pairs = zip(_flatten(value), _flatten(other[key]), strict=True)
            assert all(abs(one - two) <= TOLERANCE for one, two in pairs), record["id"]
        else:
            assert value == other[key], (record["id"], key)


def _flatten(rows: list[list[float]]) -> list[float]:
    return [value for row in rows for value in row]


def warm_up() -> None:
    """Import what a run needs, so that a fork starts at once; no thread is started."""
    import statsmodels.stats.proportion  # noqa: F401
    import torch

    import evals.evaluating
    import evals.models.idefics.engine
    import evals.pages
    import evals.runner  # noqa: F401

    torch.set_num_threads(1)


def main(arguments: list[str] | None = None) -> None:
    """Try so often, and print what was done."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warm_up()
    done: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="evals-kills-") as name:
        undisturbed = Path(name) / "undisturbed"
        undisturbed.mkdir()
        run_suite(undisturbed)
        expected = read_outcome(undisturbed)
        assert len(expected) == NUM_RUNS
        started = time.monotonic()
        for number in range(options.number):
            folder = Path(name) / f"run{number}"
            folder.mkdir()
            draw = random.Random(f"{options.seed} {number}")
            for kill in try_once(folder, expected, draw):
                done[f"killed, {kill.phase}" if kill.happened else "over before the kill"] += 1
            if (number + 1) % 10 == 0:
                seconds = time.monotonic() - started
                print(f"{number + 1} runs equal the undisturbed one, {seconds:.0f} s", flush=True)
    print(f"all {options.number} runs ended as the undisturbed one; {sum(done.values())} attempts:")
    for what, count in sorted(done.items()):
        print(f"  {count:4} {what}")


if __name__ == "__main__":
    main()
