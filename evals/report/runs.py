"""Which runs there are, how far each is, and what it scored: what `evals ls` shows.

Quick on hundreds of runs: of a finished one its summary is read, of others lines are counted.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evals.errors import ResultsError
from evals.records import RECORDS
from evals.report.comparability import find_headline
from evals.store import CONFIG, IDENTITY, PLAN, read_answered, read_identity
from evals.summary import SUMMARY, RunSummary, read_scale, read_summary
from evals.types import DEFAULT_SCALE, Scale

CHUNK = 1 << 20
_LIMIT = re.compile(r"^limit: (\d+)$", re.M)
_SAMPLE = re.compile(r"^sample: (\d+)$", re.M)
_SAMPLE_SEED = re.compile(r"^sample_seed: (\d+)$", re.M)
_SEED = re.compile(r"^seed: (\d+)$", re.M)


class RunState(StrEnum):
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Stopped before its scores: the same command goes on."""
    FINISHED = "finished"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run folder; what is not known of it is `None` or empty."""

    folder: Path
    state: RunState
    changed: float
    """When the last answer or score was written, in seconds since 1970."""
    task: str = ""
    split: str = ""
    model: str = ""
    protocol: str = ""
    shots: int | None = None
    seed: int | None = None
    score: str = ""
    """The headline's name."""
    value: float | None = None
    """As papers print it."""
    standard_error: float | None = None
    scale: Scale = DEFAULT_SCALE
    """The score's unit and direction."""
    num_answered: int | None = None
    num_asked: int | None = None
    remark: str = ""
    """Why it is broken or has no score; what keeps it from being the benchmark."""


def find_runs(folders: Iterable[Path]) -> list[ListedRun]:
    """Return the runs at and below folders, the one that changed last at the end.

    Raises:
        ResultsError: a folder does not exist.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ResultsError(f"{folder}: no such folder")
        for run in _walk(folder):
            found.setdefault(run.resolve(), run)
    return sorted(map(read_run, found.values()), key=lambda run: (run.changed, run.folder))


def read_run(folder: Path) -> ListedRun:
    """Return what a run folder's small files say; nothing in it is changed."""
    changed = max(
        (p.stat().st_mtime for p in (folder / RECORDS, folder / SUMMARY) if p.is_file()),
        default=0.0,
    )
    try:
        return _read(folder, changed)
    except (ResultsError, OSError, ValueError, KeyError, TypeError) as error:
        what = str(error) if isinstance(error, ResultsError) else f"{type(error).__name__}: {error}"
        return ListedRun(folder, RunState.BROKEN, changed, remark=what)


def is_held(records: Path) -> bool:
    """Return whether a living process writes to a records file.

    The lock is asked for and given back at once, a shared one: two lists do not see each other.
    """
    if not records.is_file():
        return False
    with records.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a disk that knows no locks: no run could be made there
            return False
    return False


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the run folders at and below a folder, hidden ones aside."""
    for parent, children, files in os.walk(folder):
        if SUMMARY in files or RECORDS in files:
            children.clear()
            yield Path(parent)
        children[:] = sorted(child for child in children if not child.startswith("."))


def _read(folder: Path, changed: float) -> ListedRun:
    summary = read_summary(folder) if (folder / SUMMARY).is_file() else None
    held = is_held(folder / RECORDS)
    if summary and not held and _is_current(folder, summary):
        return _describe_scored(summary, folder, changed, RunState.FINISHED)
    state = RunState.RUNNING if held else RunState.INTERRUPTED
    if not (folder / IDENTITY).is_file():
        raise ResultsError(f"no {IDENTITY}: it is not known which run this is")
    identity = read_identity(folder)
    seed = _SEED.search((folder / CONFIG).read_text("utf-8"))
    asked = max(0, _count_lines(folder / PLAN) - 1)  # the first line says how it was made
    answered = _count_lines(folder / RECORDS)
    described = read_answered(folder).get("model") or {"name": identity.model}
    return ListedRun(
        folder=folder,
        state=state,
        changed=changed,
        task=identity.task,
        split=identity.split,
        model=described.get("label") or described["name"],
        protocol=identity.protocol,
        shots=identity.shots,
        seed=int(seed[1]) if seed else None,
        num_answered=min(answered, asked) if asked else answered,
        num_asked=asked or None,
    )


def _is_current(folder: Path, summary: RunSummary) -> bool:
    """Return whether a summary is of all that is asked: a run may have been extended since.

    Told by the settings and not by the files' times: clocks jump, and a copy has other times.
    """
    if not (folder / RECORDS).is_file() or not (folder / CONFIG).is_file():
        return True
    config = (folder / CONFIG).read_text("utf-8")
    sample, seed = _SAMPLE.search(config), _SAMPLE_SEED.search(config)
    if sample and summary.num_queries < summary.num_split:
        return (summary.sample, summary.sample_seed) == (
            int(sample[1]),
            int(seed[1]) if seed else 0,
        )
    if summary.sample is not None:
        return False
    limit = _LIMIT.search(config)
    asked = min(int(limit[1]), summary.num_split) if limit else summary.num_split
    return summary.num_queries == asked


def _describe_scored(
    summary: RunSummary, folder: Path, changed: float, state: RunState
) -> ListedRun:
    headline = find_headline(summary) or ""
    score = summary.scores.get(headline) or {}
    value, error = score.get("value"), score.get("standard_error")
    scale = read_scale(score)
    return ListedRun(
        folder=folder,
        state=state,
        changed=changed,
        task=summary.task,
        split=summary.split,
        model=summary.model,
        protocol=summary.protocol,
        shots=summary.shots,
        seed=summary.seed,
        score=headline,
        value=None if value is None else scale.convert(value),
        standard_error=None if error is None else scale.convert(error),
        scale=scale,
        num_answered=summary.num_queries,
        num_asked=summary.num_queries,
        remark=_remark(summary, str(score.get("note") or "") if value is None else ""),
    )


def _remark(summary: RunSummary, note: str) -> str:
    if summary.unscored:
        return f"unscored: {summary.unscored}"
    if summary.is_mini:
        return "mini" + (f"; {note}" if note else "")
    official = summary.num_official or summary.num_split
    of = "subset" if summary.sample is None else "sample"
    parts = [f"{of} of {official:,}"] if summary.num_queries < official else []
    return "; ".join([*parts, *([note] if note else [])])


def _count_lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))
