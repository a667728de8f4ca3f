"""`evals baseline` and `evals gate`: guard a checkpoint in CI."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders
from evals.errors import ConfigError

CODES = "exit codes: 0 holds, 1 regressed, 2 misuse, 3 not comparable, 70 internal error"


def baseline(arguments: Sequence[str]) -> None:
    """`evals baseline`: freeze finished runs."""
    options = baseline_parser().parse_args(arguments)
    from evals.gate import freeze

    count = freeze(options.run_dirs, options.out)
    print(f"{options.out}: {count} runs")


def gate(arguments: Sequence[str]) -> None:
    """`evals gate`: hold runs against a baseline; the exit code says how that went."""
    options = gate_parser().parse_args(arguments)
    tolerance, tolerances = parse_tolerances(options.tolerance)
    from rich.console import Console
    from rich.markdown import Markdown

    from evals.comparison.pairing import read_run
    from evals.files import write_atomic
    from evals.gate import format_junit, format_markdown, judge, read_baseline
    from evals.gate.judge import TOLERANCE

    report = judge(
        [read_run(run_dir) for run_dir in options.run_dirs],
        read_baseline(options.baseline),
        tolerance=TOLERANCE if tolerance is None else tolerance,
        tolerances=tolerances,
        require_power=options.require_power,
    )
    text = format_markdown(report)
    if options.markdown:
        write_atomic(options.markdown, text)
    if options.junit:
        write_atomic(options.junit, format_junit(report))
    Console().print(Markdown(text))
    statuses = {check.run.name: str(check.status) for check in report.checks}
    print(json.dumps({"exit_code": report.exit_code, "runs": statuses}))
    sys.stdout.flush()
    sys.exit(report.exit_code)


def baseline_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "baseline",
        "Freeze finished runs, with what each query scored, for `evals gate`.",
        examples=(
            "results/runs/good/* --out results/baselines/mine.json",
            "results/runs/okvqa-good --out okvqa.json",
        ),
    )
    runs = parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    offer(runs, offer_folders)
    parser.add_argument("--out", type=Path, required=True, help="results/baselines/NAME.json")
    return parser


def gate_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "gate",
        "Fail where a run's headline score is worse, in its own direction, by more than the "
        "tolerance and by more than chance (the paired tests of `evals compare`, Holm over all "
        "runs).",
        examples=(
            "results/runs/new/* --baseline results/baselines/mine.json",
            "runs/* --baseline mine.json --tolerance 1 --tolerance cider=3",
            "runs/* --baseline mine.json --junit gate.xml --markdown gate.md",
        ),
        notes=CODES,
    )
    runs = parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    offer(runs, offer_folders)
    parser.add_argument("--baseline", type=Path, required=True, help="made by `evals baseline`")
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="[SCORE=]POINTS",
        help="how much worse a score may be, as it is printed (1.0); again for scores of their own",
    )
    parser.add_argument(
        "--require-power",
        action="store_true",
        help="fail, too, where a change of the tolerance's size might not have been seen",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="for a pull request")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="JUnit XML, for CI")
    return parser


def parse_tolerances(words: Sequence[str]) -> tuple[float | None, dict[str, float]]:
    """Return the tolerance of all scores, if given, and those of single ones.

    Raises:
        ConfigError: one is no number, or is negative.
    """
    common: float | None = None
    single: dict[str, float] = {}
    for word in words:
        score, _, points = word.rpartition("=")
        try:
            value = float(points)
        except ValueError as error:
            raise ConfigError(f"--tolerance {word}: write POINTS or SCORE=POINTS") from error
        if not value >= 0:
            raise ConfigError(f"--tolerance {word}: 0 or more points")
        if score:
            single[score] = value
        else:
            common = value
    return common, single
