"""`evals table` and `evals list`: runs beside published numbers, and what there is."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.output import print_table
from evals.cli.parsing import make_parser, offer
from evals.cli.references import add_reference, split_names
from evals.cli.words import offer_folders


def table(arguments: Sequence[str]) -> None:
    """`evals table`: runs beside published numbers."""
    options = table_parser().parse_args(arguments)
    from evals.summary import read_summary

    runs = [(folder, read_summary(folder)) for folder in options.run_dirs]
    print_table(runs, split_names(options.reference), options.format)


def list_what(arguments: Sequence[str]) -> None:
    """`evals list`: what there is."""
    options = list_what_parser().parse_args(arguments)
    from rich.console import Console

    from evals.report.listing import LISTS, render_list

    for name in [options.what] if options.what else LISTS:
        Console().print(render_list(name, config_dir=options.config_dir))


def table_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "table",
        "Tabulate runs beside published numbers; what does not bear comparison is marked and "
        "explained.",
        examples=(
            "results/runs/*",
            "results/runs/* --reference Flamingo-9B,IDEFICS-9B",
            "results/runs/* --reference Flamingo-9B --format md > table.md",
        ),
    )
    runs = parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    offer(runs, offer_folders)
    add_reference(parser)
    parser.add_argument("--format", choices=("rich", "md", "latex", "csv"), default="rich")
    return parser


def list_what_parser() -> argparse.ArgumentParser:
    from evals.report.listing import LISTS

    parser = make_parser(
        "list",
        "List what there is, all or one kind of it.",
        examples=("", "tasks", "tasks --config-dir my_configs"),
    )
    parser.add_argument("what", nargs="?", choices=LISTS)
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="a folder with more configs")
    return parser
