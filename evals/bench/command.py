"""`evals bench`: words in; a table, and last one JSON line, out."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.bench.cases import Case, parse_cases
from evals.bench.configs import CONFIGS, BenchConfig
from evals.errors import ConfigError

if TYPE_CHECKING:
    from evals.bench.summary import BenchResult


DESCRIPTION = """\
Measure the built-in IDEFICS beside transformers: the same prompts from
pictures on disk, in turns, in processes of their own, outputs compared. Ends
with one JSON line."""
EPILOG = """\
examples:
  evals bench --quick
  evals bench --cases random-4,fixed-32 --threads 2
  evals bench --config 9b --work-dir /scratch

`python -m evals.bench` does the same where only torch, transformers,
tokenizers, safetensors, numpy and Pillow are installed."""


@dataclass(frozen=True, slots=True)
class Options:
    config: BenchConfig
    cases: tuple[Case, ...]
    num_queries: int
    rounds: int
    sample: int | None
    threads: int | None
    device: str
    dtype: str
    work_dir: Path | None


def bench(arguments: Sequence[str]) -> None:
    """Run the bench and print what it found.

    Raises:
        ConfigError: an option does not exist or does not fit.
        EvalError: a side cannot load or answer.
    """
    options = parse_options(arguments)
    pin_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="evals-bench-", dir=options.work_dir) as folder:
        _run(options, Path(folder))


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line.

    Raises:
        ConfigError: a value does not fit.
    """
    values = bench_parser().parse_args(arguments)
    config = CONFIGS[values.config]
    for name in ("queries", "rounds", "sample", "threads"):
        if (value := getattr(values, name)) is not None and value < 1:
            raise ConfigError(f"--{name} {value}: choose 1 or more")
    if values.work_dir is not None and not values.work_dir.is_dir():
        raise ConfigError(f"--work-dir {values.work_dir} is no folder; make it, or leave it out")
    return Options(
        config=config,
        cases=config.cases if values.cases is None else parse_cases(values.cases.split(",")),
        num_queries=values.queries or config.num_queries,
        rounds=values.rounds or config.rounds,
        sample=values.sample,
        threads=values.threads,
        device=values.device,
        dtype=values.dtype,
        work_dir=values.work_dir,
    )


def bench_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals bench",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--config", choices=sorted(CONFIGS), default="bench")
    which.add_argument(
        "--quick", action="store_const", const="quick", dest="config", help="--config quick"
    )
    parser.add_argument("--cases", metavar="NAME,...", help="e.g. random-4,fixed-32,classes-100")
    parser.add_argument("--queries", type=int, help="prompts a round (of transformers, a sample)")
    parser.add_argument("--rounds", type=int, help="of which medians are taken")
    parser.add_argument("--sample", type=int, help="queries that transformers answers in a round")
    parser.add_argument("--threads", type=int, help="pin both sides to so many cores")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16")
    )
    parser.add_argument("--work-dir", type=Path, help="where the checkpoint is written (9b: 20 GB)")
    return parser


def pin_threads(threads: int | None) -> None:
    """Keep this process and those that it starts on `threads` cores, before torch counts them."""
    if threads is None:
        return
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if threads > len(cores):
            raise ConfigError(f"--threads {threads}: this machine has {len(cores)} cores")
        os.sched_setaffinity(0, cores[:threads])


def _run(options: Options, folder: Path) -> None:
    # torch counts its threads when it is first imported: after `pin_threads`.
    from evals.bench.measure import check_swap, run_case
    from evals.bench.prepare import describe_setting, prepare
    from evals.bench.summary import BenchResult, format_json

    settings = prepare(
        options.config,
        folder,
        num_queries=options.num_queries,
        device=options.device,
        dtype=options.dtype,
        threads=options.threads,
    )
    results = []
    for case in options.cases:
        size = options.sample or case.sample_size(
            sample_images=options.config.sample_images, num_queries=options.num_queries
        )
        result = run_case(
            case,
            options.config,
            settings,
            rounds=options.rounds,
            num_sampled=min(size, options.num_queries),
        )
        check_swap(result)
        results.append(result)
        _report(f"{case.name}: {result.ratio:.1f}x, {result.prompts_per_second:.2f} prompts/s")
    setting = {**describe_setting(settings), "rounds": options.rounds}
    made = BenchResult(options.config.name, setting, tuple(results))
    _print_table(made)
    sys.stdout.write(format_json(made) + "\n")
    sys.stdout.flush()


def _print_table(result: "BenchResult") -> None:
    from evals.bench.summary import COLUMNS, LEGEND, build_rows, format_plain

    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        sys.stdout.write(format_plain(result.cases) + "\n")
        return
    title = f"evals bench --config {result.config}"
    table = Table(title=title, caption=LEGEND, box=box.SIMPLE_HEAD, padding=0)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "case" else "right", no_wrap=True)
    for row in build_rows(result.cases):
        table.add_row(*row)
    Console().print(table)


def _report(line: str) -> None:
    """Tell on stderr how far it is: stdout holds the results alone."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
