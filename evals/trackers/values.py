"""What a tracker is told: numbers at a step, and what they were made with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evals.summary import RunSummary, read_scale
from evals.types import Unit


def list_metrics(run: RunSummary) -> dict[str, float]:
    """Return a run's numbers by name, scores as tables and papers print them.

    `okvqa/official` is the score, `okvqa/official_standard_error`, `_low` and `_high` (the ends
    of the 95 % interval) stand beside it: names that nest (`okvqa/official/low`) would be a file
    and a folder at once in MLflow's file store. A score that could not be computed is left out.
    """
    metrics = {
        f"{run.task}/num_queries": float(run.num_queries),
        f"{run.task}/num_dropped": float(run.num_dropped),
    }
    if run.num_failures:
        metrics[f"{run.task}/num_failures"] = float(run.num_failures)
    for name, score in run.scores.items():
        low, high = score.get("interval") or (None, None)
        numbers = {
            "": score["value"],
            "_standard_error": score.get("standard_error"),
            "_low": low,
            "_high": high,
        }
        scale = read_scale(score)
        for ending, number in numbers.items():
            if number is not None:
                metrics[f"{run.task}/{name}{ending}"] = scale.convert(number)
    return metrics


def describe_runs(runs: Sequence[RunSummary]) -> dict[str, Any]:
    """Return what runs of one series were made with; where they differ, every value is named."""
    models = [run.answered.get("model", {}) for run in runs]
    codes = [run.answered.get("code", {}) for run in runs]
    tasks = dict.fromkeys(run.task for run in runs)
    most = max(run.shots for run in runs)
    # At zero shots the sampler may have had no part: the runs with the most shots speak.
    shown = [run for run in runs if run.shots == most]
    return {
        "model": {
            "label": _agree(run.model for run in runs),
            **_agree_on(models, ("name", "checkpoint", "revision", "fingerprint", "dtype")),
            "device": _agree(model.get("device") for model in models),
        },
        "protocol": {
            "name": _agree(run.protocol for run in runs),
            "changes": _agree(", ".join(run.protocol_changes) for run in runs),
        },
        "demonstrations": {
            "sampler": _agree(run.sampler for run in shown),
            "num_support": _agree(run.num_support for run in shown),
            "seed": runs[0].seed,
        },
        "tasks": {
            task: _describe_task([run for run in runs if run.task == task]) for task in tasks
        },
        "code": _agree_on(codes, ("commit", "dirty", "python")),
        "runs": {f"{run.task}-{run.shots}-shot": run.hash for run in runs},
    }


def flatten(values: Mapping[str, Any], place: str = "") -> dict[str, str | int | float | bool]:
    """Return nested values with their keys joined by dots; what is unknown (None) is left out."""
    flat: dict[str, str | int | float | bool] = {}
    for key, value in values.items():
        name = f"{place}.{key}" if place else key
        if isinstance(value, Mapping):
            flat |= flatten(value, name)
        elif value is not None:
            flat[name] = value if isinstance(value, str | int | float) else str(value)
    return flat


def _describe_task(runs: Sequence[RunSummary]) -> dict[str, Any]:
    names = (
        *("kind", "task_version", "split", "support_split", "headline"),
        *("num_queries", "num_split", "num_official", "is_mini", "unscored"),
    )
    scales = {name: read_scale(score) for run in runs for name, score in run.scores.items()}
    return {
        **{name: _agree(getattr(run, name) for run in runs) for name in names},
        # No tracker knows a metric's direction or unit but as one of the run's parameters.
        "lower_is_better": _join(n for n, scale in scales.items() if not scale.higher_is_better),
        "plain": _join(name for name, scale in scales.items() if scale.unit is Unit.PLAIN),
    }


def _join(names: Iterable[str]) -> str | None:
    return ", ".join(names) or None


def _agree_on(described: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    return {name: _agree(each.get(name) for each in described) for name in names}


def _agree(values: Iterable[Any]) -> Any:
    """Return the one value, or all that there are in a text; the empty text says nothing."""
    distinct = list(dict.fromkeys(value for value in values if value not in (None, "")))
    if len(distinct) < 2:
        return distinct[0] if distinct else None
    return ", ".join(map(str, distinct))
