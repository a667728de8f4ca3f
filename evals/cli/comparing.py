"""`evals compare`: whether two runs differ."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders


def compare(arguments: Sequence[str]) -> None:
    """`evals compare`: two runs, or the matching runs of two folders."""
    options = compare_parser().parse_args(arguments)
    from evals.comparison import compare_runs, format_comparisons, pair_folders

    made = compare_runs(pair_folders(options.a, options.b))
    if options.format != "rich":
        print(format_comparisons(made, options.format), end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(format_comparisons(made, "md")))


def compare_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "compare",
        "Compare two runs query by query: differences, intervals, tests, and the queries that "
        "changed most. Folders of several runs are paired by task, split, shots and seed, and "
        "p-values are Holm's over all pairs.",
        examples=(
            "results/runs/okvqa-before results/runs/okvqa-after",
            "results/runs/before results/runs/after --format md > changes.md",
        ),
    )
    one = parser.add_argument("a", type=Path, metavar="A", help="a run, or a folder of runs")
    other = parser.add_argument("b", type=Path, metavar="B", help="what is compared with it")
    for action in (one, other):
        offer(action, offer_folders)
    parser.add_argument("--format", choices=("rich", "md", "csv", "json"), default="rich")
    return parser
