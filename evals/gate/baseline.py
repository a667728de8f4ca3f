"""A baseline: runs frozen in one file, with what each query scored and what it was made from.

One JSON object; a run's folder is not needed any more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evals.comparison.pairing import ScoredRun, read_run
from evals.errors import ResultsError
from evals.files import write_atomic
from evals.query_scores import parse_query_score
from evals.summary import parse_summary

VERSION = 1


def freeze(run_dirs: Sequence[Path], out: Path) -> int:
    """Write a baseline of finished runs; return how many.

    Raises:
        ResultsError: a run is not finished, or two have the same task, split, protocol, shots and
            seed, so that nobody could say which of them a new run is held against.
    """
    runs = [read_run(run_dir) for run_dir in run_dirs]
    index_runs(runs, where="the given runs")
    values = {"baseline": VERSION, "runs": [_to_json(run) for run in runs]}
    write_atomic(out, json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n")
    return len(runs)


def read_baseline(path: Path) -> list[ScoredRun]:
    """Read the runs of a baseline.

    Raises:
        ResultsError: the file is missing, damaged, or of another version.
    """
    try:
        values = json.loads(path.read_bytes())
        version = values["baseline"]
        if version != VERSION:
            raise ResultsError(
                f"{path} is a baseline of version {version}, and this evals reads {VERSION}; "
                "freeze it again: evals baseline RUN... --out FILE"
            )
        return [_parse(run) for run in values["runs"]]
    except OSError as error:
        raise ResultsError(f"baseline {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(
            f"{path} is no baseline ({error!r}); make one: evals baseline RUN... --out FILE"
        ) from error


RunKey = tuple[str, str, str, int, int]


def index_runs(runs: Sequence[ScoredRun], *, where: str) -> dict[RunKey, ScoredRun]:
    """Return runs by task, split, protocol, shots and seed.

    Raises:
        ResultsError: two are alike in these.
    """
    indexed: dict[RunKey, ScoredRun] = {}
    for run in runs:
        if (key := key_run(run)) in indexed:
            raise ResultsError(
                f"{where}: {indexed[key].name} and {run.name} have the same task, split, "
                "protocol, shots and seed; leave one out"
            )
        indexed[key] = run
    return indexed


def key_run(run: ScoredRun) -> RunKey:
    made = run.summary
    return made.task, made.split, made.protocol, made.shots, made.seed


def _to_json(run: ScoredRun) -> Mapping[str, Any]:
    summary = replace(run.summary, answered=_without_folders(run.summary.answered))
    return {
        "name": run.name,
        "summary": asdict(summary),
        "queries": [query.to_json() for query in run.queries.values()],
    }


def _without_folders(answered: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out where files lay on the machine that froze them: a baseline is shared."""
    data = {
        part: values | {"files": {Path(name).name: sha for name, sha in values["files"].items()}}
        for part, values in answered["data"].items()
    }
    model = {key: value for key, value in answered["model"].items() if key != "checkpoint"}
    return {**answered, "data": data, "model": model}


def _parse(values: Mapping[str, Any]) -> ScoredRun:
    queries = map(parse_query_score, values["queries"])
    return ScoredRun(
        values["name"], parse_summary(values["summary"]), {query.id: query for query in queries}
    )
