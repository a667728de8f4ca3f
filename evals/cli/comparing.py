"""`evals compare`: whether two runs differ."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def compare(arguments: Sequence[str]) -> None:
    """`evals compare`: two runs, or the matching runs of two folders."""
    parser = argparse.ArgumentParser(
        prog="evals compare",
        description="Compare two runs query by query: differences, intervals, tests, and the "
        "queries that changed most. Folders of several runs are paired by task, split, shots and "
        "seed, and p-values are Holm's over all pairs.",
    )
    parser.add_argument("a", type=Path, metavar="A", help="a run folder, or a folder of them")
    parser.add_argument("b", type=Path, metavar="B", help="what is compared with it")
    parser.add_argument("--format", choices=("rich", "md", "csv", "json"), default="rich")
    options = parser.parse_args(arguments)
    from evals.comparison import compare_runs, format_comparisons, pair_folders

    made = compare_runs(pair_folders(options.a, options.b))
    if options.format != "rich":
        print(format_comparisons(made, options.format), end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(format_comparisons(made, "md")))
