"""Finished runs on disk, as the runner writes them, with answers that are made up."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evals.query_scores import QueryScore, write_query_scores
from evals.store import RECORDS
from evals.summary import write_summary
from evals.types import Scale
from tests.report.made_runs import make_run


def write_run(
    folder: Path,
    values: Mapping[str, float],
    *,
    pictures: int = 1,
    score: str = "official",
    scale: Scale | None = None,
    **changes: Any,
) -> Path:
    """Write a run whose queries scored `values`; `pictures` queries share one."""
    queries = [
        QueryScore(query_id, str(index // pictures), f"answer {value}", {score: value})
        for index, (query_id, value) in enumerate(values.items())
    ]
    return write_queries(folder, queries, score=score, scale=scale, **changes)


def write_queries(
    folder: Path,
    queries: list[QueryScore],
    *,
    score: str,
    value: float | None = None,
    scale: Scale | None = None,
    **changes: Any,
) -> Path:
    """Write a run; without a scale as runs were written before scores had one."""
    folder.mkdir(parents=True)
    (folder / RECORDS).touch()
    if value is None:
        value = sum(query.scores[score] for query in queries) / len(queries)
    said = {} if scale is None else asdict(scale)
    scores = {score: {"value": value, "num_examples": len(queries), "metric_version": 1, **said}}
    summary = replace(
        make_run("vqav2", split="val"), scores=scores, headline=score, num_queries=len(queries)
    )
    data = {"queries": {"files": {"a.json": changes.pop("data", "0" * 64)}, "revision": ""}}
    answered = {"model": {"label": "tiny", "dtype": "float32"}, "data": data}
    write_summary(folder, replace(summary, answered=answered, **changes))
    write_query_scores(folder, queries)
    return folder
