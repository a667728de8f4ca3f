"""What Ray costs: whole runs here and in workers, and what the driver does for each answer.

    python -m evals.bench.execution                       # about half an hour on two cores
    python -m evals.bench.execution --limit 200 --rounds 1

Whole runs are those of the tiny checkpoint on the mini VQAv2, two in a process of its own, Ray's
start and end included; the cases take turns. Without GPUs one worker has all cores, each of two has
half. The driver's cost is the CPU time of its process while it words prompts, hands them out,
collects answers of the mock and records them. Prints tables, and last one JSON line.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from evals.bench.questions import write_vqav2
from evals.errors import ConfigError, EvalError

CASES: Mapping[str, Sequence[str]] = {
    "local": (),
    "ray": ("execution=ray",),
    "ray, 2 workers": ("execution=ray", "execution.num_workers=2"),
}
WORDS = ("task=vqav2", "split=train", "support_split=train", "shots=[8,16]", "model=tiny")
"""Of the mini benchmark's largest split: no query sees its own picture."""


T = TypeVar("T")
Rounds = Sequence[Mapping[str, float]]


@dataclass(slots=True)
class Watch:
    """A `Progress` that shows nothing and takes the CPU time of answering, without plans."""

    cpu_seconds: float = 0.0
    seconds: float = 0.0

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        cpu, started = time.process_time(), time.perf_counter()
        yield from values
        if description != "demonstrations":
            self.cpu_seconds += time.process_time() - cpu
            self.seconds += time.perf_counter() - started

    def wait(self, description: str) -> AbstractContextManager[None]:
        return nullcontext()


def run(words: Sequence[str]) -> dict[str, float]:
    """Run what the words say; return the seconds until a model was there, of all, and CPU's."""
    from evals.compose import compose_config
    from evals.config import parse_config
    from evals.execution import spread_model
    from evals.runner import Session, run_all

    settings = parse_config(compose_config(words))
    watch, started = Watch(), time.perf_counter()
    with spread_model(settings.values["execution"], settings.model) as model:
        session = Session(replace(settings, model=model), watch)
        _ = session.model
        loaded = time.perf_counter() - started
        num_answers = sum(summary.num_queries for _, summary in run_all(session))
    return {
        "answers": num_answers,
        "load_seconds": loaded,
        "seconds": time.perf_counter() - started,
        "answer_seconds": watch.seconds,
        "answer_cpu_seconds": watch.cpu_seconds,
    }


def bench_execution(arguments: Sequence[str]) -> None:
    """Measure, and print what was found.

    Raises:
        ConfigError: an option does not fit.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.bench.execution", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=4000, help="queries of each whole run")
    parser.add_argument("--queries", type=int, default=20_000, help="of the driver's cost")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.limit < 1 or options.queries < 8:
        raise ConfigError("--rounds and --limit are 1 or more, --queries 8 or more")
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # the cluster lives for a run, on this host
    with tempfile.TemporaryDirectory(prefix="evals-execution-") as folder:
        wholes = measure_wholes(Path(folder), rounds=options.rounds, limit=options.limit)
        costs = measure_costs(Path(folder), rounds=options.rounds, queries=options.queries)
    report(wholes, costs)


def measure_wholes(folder: Path, *, rounds: int, limit: int) -> dict[str, list[dict[str, float]]]:
    wholes: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    for number in range(rounds):
        for case, (name, own) in enumerate(CASES.items()):
            sys.stderr.write(f"round {number + 1}: {name}\n")
            run_dir = f"run_dir={folder}/whole-{number}-{case}"
            wholes[name].append(_run_apart([*WORDS, f"limit={limit}", run_dir, *own]))
    return wholes


def measure_costs(folder: Path, *, rounds: int, queries: int) -> dict[str, list[dict[str, float]]]:
    """Measure the driver with the mock, whose answers cost next to nothing."""
    data_dir = folder / "vqav2"
    write_vqav2(data_dir, num_queries=queries)
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    for number in range(rounds):
        for case, (name, own) in enumerate(CASES.items()):
            sys.stderr.write(f"round {number + 1}: {queries:,} questions to the mock, {name}\n")
            run_dir = f"run_dir={folder}/mock-{number}-{case}"
            words = ["task=vqav2", "model=mock", "shots=4", f"data_dir={data_dir}", run_dir]
            costs[name].append(_run_apart([*words, *own]))
    return costs


def _run_apart(words: Sequence[str]) -> dict[str, float]:
    """Run in a fresh process, whose CPU time is this run's alone."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (words,))


def report(wholes: Mapping[str, Rounds], costs: Mapping[str, Rounds]) -> None:
    """Print tables, and last one JSON line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    seconds = {
        name: statistics.median(made["seconds"] for made in rounds)
        for name, rounds in wholes.items()
    }
    overheads = {name: round(seconds[name] / seconds["local"] - 1, 4) for name in CASES}
    console = Console(width=120)
    table = Table(title="whole runs of the tiny checkpoint", box=box.SIMPLE_HEAD)
    for head in ("case", "answers", "until loaded", "seconds, each round", "over local"):
        table.add_column(head, justify="right")
    for name, rounds in wholes.items():
        each = " ".join(f"{made['seconds']:.1f}" for made in rounds)
        loaded = statistics.median(made["load_seconds"] for made in rounds)
        answers = f"{rounds[0]['answers']:,.0f}"
        over = "" if name == "local" else f"{overheads[name]:+.1%}"
        table.add_row(name, answers, f"{loaded:.1f} s", each, over)
    console.print(table)
    table = Table(title="the driver, with the mock", box=box.SIMPLE_HEAD)
    for head in ("case", "answers", "CPU ms an answer, each round", "answers a second"):
        table.add_column(head, justify="right")
    for name, rounds in costs.items():
        cpu = " ".join(
            f"{1e3 * made['answer_cpu_seconds'] / made['answers']:.3f}" for made in rounds
        )
        rates = [made["answers"] / made["answer_seconds"] for made in rounds]
        answers = f"{rounds[0]['answers']:,.0f}"
        table.add_row(name, answers, cpu, f"{statistics.median(rates):,.0f}")
    console.print(table)
    result = {"wholes": wholes, "costs": costs, "overheads": overheads}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    try:
        bench_execution(sys.argv[1:])
    except EvalError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
