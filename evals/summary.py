"""summary.json: what a run scored, and all that a reader must know to compare it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.errors import ResultsError
from evals.files import write_atomic
from evals.records import RECORDS
from evals.secrets import hide_secrets
from evals.types import Scale, Unit

SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run; tables and pages are made from this alone."""

    task: str
    """As the config calls it; `task_name` is the plugin's word."""
    task_version: int
    kind: str
    split: str
    support_split: str
    shots: int
    seed: int
    model: str
    """As the run folder's name has it."""
    protocol: str
    protocol_changes: tuple[str, ...]
    """Settings in which it is not the protocol shipped under that name; none of one's own."""
    sampler: str
    num_support: int | None
    headline: str | None
    """Name of the score that the protocol's paper prints."""
    scores: Mapping[str, Mapping[str, Any]]
    """Name -> value (the natural one, or null), standard_error, num_examples, note,
    higher_is_better, unit, metric and metric_version; `read_scale` reads the direction and unit."""
    breakdowns: Mapping[str, Mapping[str, Mapping[str, Any]]]
    """Score -> `answer_type=number` -> value, num_examples."""
    unscored: str
    """Why there are no scores: the split officially has no answers; else empty."""
    num_queries: int
    num_split: int
    """Examples in the loaded split."""
    num_official: int | None
    """Examples that the split officially has; `None` where the task does not say."""
    is_mini: bool
    benchmark: str
    """The task's name among the references."""
    reference_split: str | None
    """The split's name among the references; `None` where no paper used it."""
    num_dropped: int
    """Queries whose prompt lost demonstrations to the length limit."""
    hash: str
    plan_sha256: str
    prompts_sha256: str
    """Over all queries' prompt hashes, in order of id."""
    answered: Mapping[str, Any]
    """answered.json: the code, model, data files and pictures that the answers were made from."""
    scored: Mapping[str, Any]
    """The code that computed the scores."""
    num_failures: int = 0
    """Queries whose picture cannot be read: scored as wrong (on_error=record)."""
    sample: int | None = None
    """So many queries of the split were asked for at random; errors are about all of it."""
    sample_seed: int | None = None
    identity_schema: int = 1
    """1: made before identities covered pictures, choices and plugin arguments."""
    is_other_data: bool = False
    """Scored against other examples than it was answered from."""
    task_name: str = ""
    """`Task.name`, by which protocols know it; empty in an older summary, which did not say."""


def write_summary(run_dir: Path, summary: RunSummary) -> None:
    values = asdict(summary)
    rest = {key: value for key, value in values.items() if key not in ("scores", "breakdowns")}
    text = json.dumps({**values, **hide_secrets(rest)}, indent=2, ensure_ascii=False)
    write_atomic(run_dir / SUMMARY, text + "\n")


def parse_summary(values: Mapping[str, Any]) -> RunSummary:
    """Return what `asdict` made JSON of.

    Raises:
        KeyError, TypeError, ValueError: it is none, or of another version.
    """
    # Older summaries call a protocol of one's own one with changed name.
    changes = tuple(change for change in values["protocol_changes"] if change != "name")
    summary = RunSummary(**{**values, "protocol_changes": changes})
    maps = (summary.scores, summary.answered, *summary.scores.values())
    if not all(isinstance(each, dict) for each in maps):
        raise TypeError("scores, or what was answered from, are no names and values")
    for score in summary.scores.values():
        read_scale(score)
    return summary


def read_scale(score: Mapping[str, Any]) -> Scale:
    """Return the direction and unit of one of a summary's scores.

    A score that says neither was written when all were read alike: higher is better, in points.

    Raises:
        TypeError, ValueError: they are none.
    """
    higher_is_better = score.get("higher_is_better", True)
    if not isinstance(higher_is_better, bool):
        raise TypeError(f"higher_is_better is {higher_is_better!r}, not true or false")
    return Scale(Unit(score.get("unit", Unit.POINTS)), higher_is_better)


def read_summary(run_dir: Path) -> RunSummary:
    """Read a finished run's summary.

    Raises:
        ResultsError: the folder is no run, is not finished, or is of another version.
    """
    path = run_dir / SUMMARY
    if not path.is_file():
        way_out = (
            "it was not finished: run the same command again, or `evals score` it"
            if (run_dir / RECORDS).is_file()
            else "it is no run folder"
        )
        raise ResultsError(f"{run_dir} has no {SUMMARY}; {way_out}")
    try:
        return parse_summary(json.loads(path.read_bytes()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ResultsError(
            f"{path}: {error!s:.300}; `evals score {run_dir}` makes it again"
        ) from error
