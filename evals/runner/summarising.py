"""The summary of a run: its scores, and all that a reader must know to compare them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.config import Settings
from evals.demonstrations import read_plan
from evals.files import sha256_json
from evals.protocols import find_changes
from evals.provenance import describe_code
from evals.records import Record, read_records
from evals.runner.loading import Run
from evals.runner.scoring import compute_scores, pair_predictions, read_answer, split_scores
from evals.store import PLAN, read_answered, read_hash
from evals.summary import RunSummary
from evals.types import ExampleSet, Prediction, Task

UNSCORED = "the split officially has no answers; `evals export` writes the file for its server"


def find_records(run: Run, run_dir: Path) -> list[Record]:
    """Return the records of a run's queries; a larger limit may have left more in the folder."""
    wanted = {query.id for query in run.queries}
    return [record for record in read_records(run_dir) if record.id in wanted]


def make_predictions(
    run: Run, records: Sequence[Record], settings: Settings, *, run_dir: Path
) -> list[Prediction]:
    """Return a run's predictions in the queries' order.

    Raises:
        ResultsError: a query has no record.
    """
    answers = {record.id: read_answer(record, run.task, settings.protocol) for record in records}
    return pair_predictions(run.queries, answers, where=str(run_dir), partial=False)


def score_predictions(
    task: Task, split: ExampleSet, predictions: Sequence[Prediction]
) -> dict[str, Any]:
    """Return `scores`, `breakdowns` and `unscored` as a summary has them."""
    if not split.answered:
        return {"scores": {}, "breakdowns": {}, "unscored": UNSCORED}
    scores = compute_scores(task, predictions)
    breakdowns = split_scores(scores, [prediction.example for prediction in predictions])
    for score in scores.values():
        del score["per_example"]
    return {"scores": scores, "breakdowns": breakdowns, "unscored": ""}


def summarise(run: Run, run_dir: Path, settings: Settings) -> RunSummary:
    """Score a run from its records and say what it is.

    Raises:
        ResultsError: a query has no record.
    """
    records = find_records(run, run_dir)
    predictions = make_predictions(run, records, settings, run_dir=run_dir)
    answered = read_answered(run_dir)
    protocol = settings.protocol
    return RunSummary(
        task=run.settings.name,
        task_version=run.task.version,
        kind=run.task.kind,
        split=run.settings.split,
        support_split=run.settings.support_split if run.plan.num_demonstrations else "",
        shots=run.shots,
        seed=run.seed,
        model=answered["model"]["label"],
        protocol=protocol.name,
        protocol_changes=find_changes(protocol),
        sampler="plan file" if run.plan.plan_file else str(run.plan.sampler),
        num_support=run.plan.num_support,
        headline=protocol.headline_score(run.task),
        **score_predictions(run.task, run.split, predictions),
        num_queries=len(run.queries),
        num_split=len(run.split.examples),
        num_official=run.settings.split_sizes.get(run.settings.split),
        is_mini=run.settings.is_mini,
        benchmark=run.settings.benchmark,
        reference_split=run.settings.reference_splits.get(run.settings.split),
        num_dropped=sum(bool(record.dropped) for record in records),
        hash=read_hash(run_dir),
        plan_sha256=read_plan(run_dir / PLAN).sha256,
        prompts_sha256=sha256_json(sorted((record.id, record.prompt_sha256) for record in records)),
        answered=answered,
        scored=describe_code(),
    )
