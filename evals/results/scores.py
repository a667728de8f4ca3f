"""One row a score: what tables and plots of one's own begin with."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.results.columns import BREAKDOWNS, SCORES, describe_run, make_frame
from evals.results.finding import Where, find_runs
from evals.summary import RunSummary, read_scale, read_summary

if TYPE_CHECKING:
    import pandas as pd


def load(where: Where) -> "pd.DataFrame":
    """Return all scores of runs, one row each, in the columns of evals.results.columns.SCORES.

    Args:
        where: `"results/runs/*"`, a run folder, a folder that holds some at any depth, or
            several of these.

    Raises:
        ResultsError: there is no run, or one is not finished.
    """
    rows = [
        row for folder in find_runs(where) for row in _list_scores(folder, read_summary(folder))
    ]
    return make_frame(rows, SCORES)


def load_breakdowns(where: Where) -> "pd.DataFrame":
    """Return the scores of parts of the data (VQAv2's answer types), one row each.

    Raises:
        ResultsError: there is no run, or one is not finished.
    """
    rows = [row for folder in find_runs(where) for row in _list_parts(folder, read_summary(folder))]
    return make_frame(rows, BREAKDOWNS)


def _list_scores(folder: Path, run: RunSummary) -> Iterator[tuple[Any, ...]]:
    """Yield a row a score; of a run without scores one row that says why."""
    if run.scores:
        for name, score in run.scores.items():
            yield _make_row(folder, run, name, score)
    else:
        yield _make_row(folder, run, None, {"note": run.unscored})


def _make_row(
    folder: Path, run: RunSummary, name: str | None, score: Mapping[str, Any]
) -> tuple[Any, ...]:
    model: Mapping[str, Any] = run.answered.get("model", {})
    low, high = score.get("interval") or (None, None)
    value, error = score.get("value"), score.get("standard_error")
    scale = read_scale(score)
    return (
        *describe_run(folder.resolve().name, run),
        name,
        name is not None and name == run.headline,
        value,
        error,
        low,
        high,
        None if value is None else scale.convert(value),
        None if error is None else scale.convert(error),
        None if name is None else scale.unit.value,
        None if name is None else scale.higher_is_better,
        run.num_queries,
        score.get("num_pictures"),
        run.num_split,
        run.sample,
        run.sample_seed,
        run.num_official,
        run.num_dropped,
        run.num_failures,
        score.get("note") or None,
        score.get("metric"),
        score.get("metric_version"),
        run.kind,
        run.task_version,
        run.is_mini,
        run.support_split or None,
        run.sampler,
        run.num_support,
        ", ".join(run.protocol_changes) or None,
        model.get("checkpoint"),
        model.get("fingerprint"),
        model.get("dtype"),
        run.answered.get("code", {}).get("commit"),
        run.prompts_sha256,
        str(folder),
    )


def _list_parts(folder: Path, run: RunSummary) -> Iterator[tuple[Any, ...]]:
    for name, parts in run.breakdowns.items():
        scale = read_scale(run.scores[name])
        for part, score in parts.items():
            key, _, value = part.partition("=")
            yield (
                *describe_run(folder.resolve().name, run),
                name,
                key,
                value,
                score["value"],
                scale.convert(score["value"]),
                scale.unit.value,
                scale.higher_is_better,
                score["num_examples"],
            )
