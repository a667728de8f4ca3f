"""Which run folders a pattern means."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from evals.errors import ResultsError, list_problems
from evals.records import RECORDS
from evals.summary import SUMMARY

Where: TypeAlias = str | Path | Iterable[str | Path]
"""A glob pattern, a run folder, a folder that holds some at any depth, or several of these."""


def find_runs(where: Where) -> list[Path]:
    """Return the finished runs that patterns mean, each once, sorted within a pattern.

    Raises:
        ResultsError: a pattern means no run, or a run is not finished; all are listed.
    """
    patterns = [where] if isinstance(where, str | Path) else list(where)
    runs: dict[Path, Path] = {}
    problems = [] if patterns else ["no pattern is given"]
    for pattern in patterns:
        found = [run for match in _expand(pattern) for run in _list_runs(match)]
        if not found:
            problems.append(f"{pattern}: no run folder")
        problems += [
            f"{run}: not finished; run the same command again, or `evals score` it"
            for run in found
            if not (run / SUMMARY).is_file()
        ]
        for run in found:
            runs.setdefault(run.resolve(), run)
    if problems:
        raise ResultsError(
            "give finished runs: their folders, a folder that holds some, or a pattern "
            f"(results/runs/*):\n{list_problems(problems)}"
        )
    return list(runs.values())


def _expand(pattern: str | Path) -> list[Path]:
    """Return what a pattern matches; a name that exists is no pattern, brackets or not."""
    path = Path(pattern).expanduser()
    if path.exists():
        return [path]
    root = Path(path.anchor)
    return sorted(root.glob(str(path.relative_to(root))))


def _list_runs(folder: Path) -> Iterator[Path]:
    """Yield the run folders at and below a folder, finished or not."""
    for parent, children, files in os.walk(folder):
        children.sort()
        if SUMMARY in files or RECORDS in files:
            children.clear()
            yield Path(parent)
