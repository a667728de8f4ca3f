"""`evals table` and `evals list`: runs beside published numbers, and what there is."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.output import print_table


def table(arguments: Sequence[str]) -> None:
    """`evals table`: runs beside published numbers."""
    parser = argparse.ArgumentParser(
        prog="evals table", description="Tabulate runs beside published numbers."
    )
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        help="a published series, e.g. Flamingo-9B (again or comma-separated for more; "
        "`evals list references` names them)",
    )
    parser.add_argument("--format", choices=("rich", "md", "latex", "csv"), default="rich")
    options = parser.parse_args(arguments)
    from evals.summary import read_summary

    names = [name for group in options.reference for name in group.split(",") if name]
    runs = [(folder, read_summary(folder)) for folder in options.run_dirs]
    print_table(runs, names, options.format)


def list_what(arguments: Sequence[str]) -> None:
    """`evals list`: what there is."""
    from evals.report.listing import LISTS, render_list

    parser = argparse.ArgumentParser(prog="evals list", description="List what there is.")
    parser.add_argument("what", nargs="?", choices=LISTS)
    parser.add_argument("--config-dir", type=Path, help="a folder with more configs")
    options = parser.parse_args(arguments)
    from rich.console import Console

    for name in [options.what] if options.what else LISTS:
        Console().print(render_list(name, config_dir=options.config_dir))
