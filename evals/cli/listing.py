"""`evals ls`: runs with their scores and how far they are."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders

RUNS_DIR = Path("results") / "runs"


def list_runs(arguments: Sequence[str]) -> None:
    """`evals ls`: print a line or two for each run."""
    options = list_runs_parser().parse_args(arguments)
    from rich.console import Console

    from evals.report.run_list import render_runs
    from evals.report.runs import find_runs

    given = options.folders or [folder for folder in [RUNS_DIR] if folder.is_dir()]
    runs = find_runs(given)
    if options.json:
        lines = [
            {
                **asdict(run),
                "folder": str(run.folder),
                "changed": datetime.fromtimestamp(run.changed, UTC).isoformat(timespec="seconds"),
            }
            for run in runs
        ]
        print(json.dumps({"runs": lines}, indent=2))
    elif runs:
        Console().print(render_runs(runs))
    else:
        places = ", ".join(map(str, options.folders or [RUNS_DIR]))
        print(f"no runs in {places}; `evals run` makes them")


def list_runs_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "ls",
        "List runs, the newest last: running (a process writes it), interrupted (the same "
        "command goes on), finished, or broken, with the headline score as papers print it.",
        examples=("", "results/runs/new my_runs", "--json | jq '.runs[] | .folder'"),
    )
    folders = parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help=f"run folders, or folders of them at any depth (default: {RUNS_DIR})",
    )
    offer(folders, offer_folders)
    parser.add_argument("--json", action="store_true", help="all that is known, for machines")
    return parser
