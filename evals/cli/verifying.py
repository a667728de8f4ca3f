"""`evals verify`: whether runs still are what they say."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def verify(arguments: Sequence[str]) -> None:
    """`evals verify`: scores and fingerprints again; exits with 1 where something changed."""
    parser = argparse.ArgumentParser(
        prog="evals verify",
        description="Compute every score again from the records, and every fingerprint of what is "
        "still on disk (plan, prompts, data files, pictures, checkpoint files), and name what "
        "changed. Nothing is written.",
        epilog="exit codes: 0 all holds (or is gone), 1 something changed, 2 misuse",
    )
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    options = parser.parse_args(arguments)
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from evals.progress import RichProgress
    from evals.runner import State, verify_run

    colours = {State.HOLDS: "green", State.CHANGED: "bold red", State.GONE: "yellow"}
    changed = 0
    for run_dir in options.run_dirs:
        table = Table(title=str(run_dir), box=box.SIMPLE_HEAD, title_justify="left")
        for head in ("what", "state", "detail"):
            table.add_column(head)
        for finding in verify_run(run_dir, RichProgress()):
            state = f"[{colours[finding.state]}]{finding.state}[/]"
            table.add_row(finding.what, state, finding.detail)
            changed += finding.state is State.CHANGED
        Console().print(table)
    print(f"{changed} changed" if changed else "nothing changed")
    sys.stdout.flush()
    sys.exit(1 if changed else 0)
