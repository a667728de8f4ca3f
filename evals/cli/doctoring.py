"""`evals doctor`: what this machine has and lacks."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_settings

if TYPE_CHECKING:
    from evals.doctor import Finding

Findings = Mapping[str, Sequence["Finding"]]
"""Area -> what was found there."""


def doctor(arguments: Sequence[str]) -> None:
    """`evals doctor`: look, and exit with 1 where something needed is missing."""
    options = doctor_parser().parse_args(arguments)
    from evals.doctor import Verdict, list_checks, run_check
    from evals.progress import RichProgress

    progress = RichProgress()
    findings: dict[str, list[Finding]] = {}
    for check in list_checks(options.settings, config_dir=options.config_dir):
        with progress.wait(check.area):
            findings[check.area] = run_check(check)
    verdicts = [finding.verdict for part in findings.values() for finding in part]
    missing = verdicts.count(Verdict.MISSING)
    if options.json:
        _print_json(findings, ok=not missing)
    else:
        _print_table(findings)
        notes = verdicts.count(Verdict.NOTE)
        print(f"{missing or 'nothing'} missing, {notes} to note")
    sys.stdout.flush()
    sys.exit(1 if missing else 0)


def doctor_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "doctor",
        "Look at what an evaluation needs: packages, GPU, Java, disk, the hub, and which data "
        "sets are there and complete. Nothing is downloaded or changed.",
        examples=(
            "",
            "task=okvqa data_dir=/data/okvqa",
            "task=vqav2 split=val support_split=val   # reads all of it",
            "--json",
        ),
        notes="exit codes: 0 nothing needed is missing, 1 something is, 2 misuse",
    )
    settings = parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="as of evals run: whose data are read whole, and must be there (default: all tasks)",
    )
    offer(settings, offer_settings)
    parser.add_argument(
        "--config-dir", type=Path, metavar="DIR", help="a folder with more configs (task/NAME.yaml)"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    return parser


def _print_json(findings: Findings, *, ok: bool) -> None:
    lines = [
        {"area": area, **asdict(finding)} for area, part in findings.items() for finding in part
    ]
    print(json.dumps({"ok": ok, "findings": lines}, indent=2))


def _print_table(findings: Findings) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from evals.doctor import Verdict

    styles = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.MISSING: "bold red"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("what", overflow="fold")
    table.add_column("found", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for part in findings.values():
        for finding, following in zip_longest(part, part[1:]):
            found = Text(finding.found)
            if finding.way_out and (following is None or following.way_out != finding.way_out):
                found.append(f"\n→ {finding.way_out}", style="cyan")
            verdict = Text(finding.verdict, style=styles[finding.verdict])
            table.add_row(Text(finding.what), found, verdict)
        table.add_section()
    Console().print(table)
