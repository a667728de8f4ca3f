"""Runs that differ in task and shots alone: one run of a tracker, its steps the shots.

With several seeds each is a series of its own: a tracker draws one value at a step, and averages
runs that share a label where it is asked to.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import ConfigError
from evals.files import sha256_json
from evals.report.groups import group_runs
from evals.secrets import hide_secrets
from evals.store import CONFIG
from evals.summary import SUMMARY, RunSummary
from evals.trackers.values import describe_runs, list_metrics

Runs = Sequence[tuple[Path, RunSummary]]


@dataclass(frozen=True, slots=True)
class Series:
    """One model in one setting with one seed."""

    label: str
    """As tables call it: model, protocol, and what else tells the settings apart."""
    seed: int
    hash: str
    """Of the runs' hashes: equal runs have it again."""
    parameters: Mapping[str, Any]
    """Model, protocol, demonstrations, tasks, code; nested, and without secrets."""
    points: Mapping[int, Mapping[str, float]]
    """Shots, ascending -> `<task>/<score>` and the like -> value, as papers print it."""
    files: Mapping[str, Path]
    """Where an artifact belongs (`okvqa/4-shot/summary.json`, `report/index.html`) -> the file."""
    runs: Runs
    """Folder and summary of each, for a tracker that wants more."""

    def name(self, given: str | None = None) -> str:
        """Return what the tracker's run is called; a name that the user gave replaces the label."""
        return f"{given or self.label}, seed {self.seed}"


def make_series(runs: Runs, *, report_dir: Path | None = None) -> tuple[Series, ...]:
    """Sort runs into series; a folder with a report about them is an artifact of each.

    Raises:
        ConfigError: two runs would stand at the same step of the same curve; no such report.
    """
    report = {} if report_dir is None else _list_report(report_dir)
    folders = {(run.hash, run.seed): run_dir for run_dir, run in runs}
    by_seed: dict[int, list[RunSummary]] = defaultdict(list)
    for _, run in runs:
        by_seed[run.seed].append(run)
    made = []
    for seed, of_seed in sorted(by_seed.items()):
        for group in group_runs(of_seed):
            members = sorted(group.runs, key=lambda run: (run.shots, run.task))
            found = [(folders[run.hash, run.seed], run) for run in members]
            made.append(_make_one(group.label, seed, found, report))
    return tuple(made)


def _make_one(label: str, seed: int, runs: Runs, report: Mapping[str, Path]) -> Series:
    points: dict[int, dict[str, float]] = defaultdict(dict)
    held: dict[tuple[str, int], Path] = {}
    for run_dir, run in runs:
        if other := held.get((run.task, run.shots)):
            raise ConfigError(
                f"{other} and {run_dir} are both {run.task} with {run.shots} shots and seed "
                f"{seed} of {label}: track them in calls of their own"
            )
        held[run.task, run.shots] = run_dir
        points[run.shots] |= list_metrics(run)
    return Series(
        label=label,
        seed=seed,
        hash=sha256_json(sorted(run.hash for _, run in runs))[:8],
        parameters=hide_secrets(describe_runs([run for _, run in runs])),
        points=dict(points),
        files={**dict(_list_files(runs)), **report},
        runs=tuple(runs),
    )


def _list_files(runs: Runs) -> Iterator[tuple[str, Path]]:
    """Yield a run's small files; secrets are hidden in them since they were written."""
    for run_dir, run in runs:
        for name in (SUMMARY, CONFIG):
            if (run_dir / name).is_file():
                yield f"{run.task}/{run.shots}-shot/{name}", run_dir / name


def _list_report(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ConfigError(f"{folder} holds no report; make one with `evals report`")
    return {f"report/{path.relative_to(folder).as_posix()}": path for path in files}
