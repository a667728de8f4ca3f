"""`evals verify`: whether runs still are what they say."""

import argparse
import sys
from collections.abc import Sequence

from evals.cli.parsing import make_parser, offer, split_words
from evals.cli.words import offer_folders


def verify(arguments: Sequence[str]) -> None:
    """`evals verify`: scores and fingerprints again; exits with 1 where something changed."""
    options = verify_parser().parse_args(arguments)
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from evals.progress import RichProgress
    from evals.runner import State, verify_run

    colours = {State.HOLDS: "green", State.CHANGED: "bold red", State.GONE: "yellow"}
    changed = 0
    run_dirs, paths = split_words(options.what)
    for run_dir in run_dirs:
        table = Table(title=str(run_dir), box=box.SIMPLE_HEAD, title_justify="left")
        for head in ("what", "state", "detail"):
            table.add_column(head)
        for finding in verify_run(run_dir, RichProgress(), paths):
            state = f"[{colours[finding.state]}]{finding.state}[/]"
            table.add_row(finding.what, state, finding.detail)
            changed += finding.state is State.CHANGED
        Console().print(table)
    print(f"{changed} changed" if changed else "nothing changed")
    sys.stdout.flush()
    sys.exit(1 if changed else 0)


def verify_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "verify",
        "Compute every score again from the records, and every fingerprint of what is still on "
        "disk (plan, prompts, data files, pictures, checkpoint files), and name what changed. "
        "Nothing is written.",
        examples=("results/runs/okvqa-good", "results/runs/*"),
        notes="exit codes: 0 all holds (or is gone), 1 something changed, 2 misuse",
    )
    what = parser.add_argument(
        "what",
        nargs="+",
        metavar="RUN_DIR|KEY=VALUE",
        help="run folders, and data_dir= where their data were moved",
    )
    offer(what, offer_folders)
    return parser
