"""The harness around the model, with a clock: what planning, wording, recording and scoring cost.

    python -m evals.bench.harness                            # 214,354 questions, 32 shots
    python -m evals.bench.harness --queries 20000 --shots 4

Runs `task=vqav2 model=mock` on generated files of VQAv2's formats, in processes of their own, on
one core. Prints a table, and last one JSON line. Memory is what a run needs beside the loaded
examples.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from evals.bench.command import pin_threads
from evals.bench.memory import read_peak_bytes, read_resident_bytes, reset_peak_bytes
from evals.bench.questions import write_vqav2
from evals.errors import ConfigError, EvalError

NUM_QUERIES = 214_354
"""Of VQAv2 val."""
NUM_SHOTS = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    queries: int
    shots: int
    load_seconds: float
    """Reading and checking the official files."""
    plan_seconds: float
    answer_seconds: float
    """Wording, the mock's answers, recording."""
    score_seconds: float
    run_seconds: float
    """All of the run but loading."""
    resume_seconds: float
    """The same run again, all answers being there, but loading."""
    example_bytes: int
    """What loading the examples added to the process."""
    run_bytes: int
    """What the run added at most."""

    @property
    def queries_per_second(self) -> float:
        return self.queries / self.run_seconds


@dataclass(slots=True)
class Clock:
    """A `Progress` that shows nothing and takes the time of each step."""

    seconds: dict[str, float] = field(default_factory=dict)

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]:
        with self.wait(description):
            yield from values

    @contextmanager
    def wait(self, description: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[description] = time.perf_counter() - start


def measure_run(data_dir: Path, run_dir: Path, *, limit: int, shots: int) -> Measured:
    """Load, run, and run again."""
    from evals.compose import compose_config
    from evals.config import parse_config
    from evals.runner import Session, run_one

    overrides = ["task=vqav2", "model=mock", f"shots={shots}", f"limit={limit}"]
    overrides += [f"data_dir={data_dir}", f"run_dir={run_dir}"]
    clock = Clock()
    session = Session(parse_config(compose_config(overrides)), clock)
    (task,) = session.settings.tasks
    before = read_resident_bytes()
    load_seconds, _ = _time(lambda: [session.load(task, split) for split in ("val", "train")])
    reset_peak_bytes()
    loaded = read_resident_bytes()
    run_seconds, _ = _time(lambda: run_one(session, task, shots=shots, seed=0))
    peak = read_peak_bytes()
    steps = dict(clock.seconds)
    resume_seconds, _ = _time(lambda: run_one(session, task, shots=shots, seed=0))
    return Measured(
        queries=limit,
        shots=shots,
        load_seconds=load_seconds,
        plan_seconds=steps["demonstrations"],
        answer_seconds=steps[f"vqav2 {shots} shots"],
        score_seconds=steps[f"vqav2 {shots} shots: scores"],
        run_seconds=run_seconds,
        resume_seconds=resume_seconds,
        example_bytes=loaded - before,
        run_bytes=peak - loaded,
    )


def bench_harness(arguments: Sequence[str]) -> None:
    """Measure, and print what was found.

    Raises:
        ConfigError: an option does not fit.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.bench.harness", description=__doc__)
    parser.add_argument("--queries", type=int, default=NUM_QUERIES)
    parser.add_argument("--shots", type=int, default=NUM_SHOTS)
    options = parser.parse_args(arguments)
    if options.queries < 8 or options.shots < 1:
        raise ConfigError("--queries is 8 or more, --shots 1 or more")
    pin_threads(1)
    # The first is the measure; the others say what memory grows with.
    sizes = [(options.queries, options.shots), (options.queries, 0), (options.queries // 8, 0)]
    measured = []
    with tempfile.TemporaryDirectory(prefix="evals-harness-") as folder:
        data_dir = Path(folder) / "vqav2"
        write_vqav2(data_dir, num_queries=options.queries)
        for number, (limit, shots) in enumerate(sizes):
            sys.stderr.write(f"{limit:,} questions, {shots} shots\n")
            measured.append(
                _run_apart(data_dir, Path(folder) / f"run{number}", limit=limit, shots=shots)
            )
    _print_table(measured)
    sys.stdout.write(json.dumps({"runs": [_to_json(run) for run in measured]}) + "\n")


def _run_apart(data_dir: Path, run_dir: Path, *, limit: int, shots: int) -> Measured:
    """Measure in a fresh process, whose memory is this run's alone."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(measure_run, (data_dir, run_dir), {"limit": limit, "shots": shots})


def _time(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _print_table(measured: Sequence[Measured]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title="the harness around the mock, one core",
        caption="run and resume: all but loading; memory: of the examples, and of the run beside",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    heads = ("queries", "shots", "a second", "load", "plan", "answer", "score", "run", "resume")
    for head in (*heads, "examples", "run"):
        table.add_column(head, justify="right", no_wrap=True)
    for made in measured:
        seconds = (made.load_seconds, made.plan_seconds, made.answer_seconds, made.score_seconds)
        table.add_row(
            f"{made.queries:,}",
            str(made.shots),
            f"{made.queries_per_second:,.0f}",
            *(f"{each:.1f} s" for each in (*seconds, made.run_seconds, made.resume_seconds)),
            *(f"{each / 1e6:,.0f} MB" for each in (made.example_bytes, made.run_bytes)),
        )
    Console().print(table)


def _to_json(made: Measured) -> dict[str, Any]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in asdict(made).items()
    } | {"queries_per_second": round(made.queries_per_second, 1)}


if __name__ == "__main__":
    try:
        bench_harness(sys.argv[1:])
    except EvalError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
