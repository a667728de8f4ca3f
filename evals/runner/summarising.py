"""The summary of a run: its scores, and all that a reader must know to compare them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.config import Settings
from evals.demonstrations.plan import hash_plan
from evals.protocol_changes import find_changes
from evals.provenance import describe_code, is_same_data
from evals.query_scores import QueryScore, write_query_scores
from evals.records import read_failures, read_records
from evals.runner.loading import Run
from evals.runner.scoring import (
    compute_scores,
    fail,
    pair_predictions,
    read_answer,
    split_scores,
)
from evals.store import PLAN, read_answered, read_identity
from evals.summary import RunSummary, read_scale
from evals.types import DEFAULT_SCALE, Answer, ExampleSet, Prediction, Task

UNSCORED = "the split officially has no answers; `evals export` writes the file for its server"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a run's records say. They are let go of one by one, since they grow with shots."""

    predictions: Sequence[Prediction]
    """In the queries' order."""
    num_dropped: int
    """Queries whose prompt lost demonstrations."""
    num_failures: int
    """Queries that could not be asked."""
    prompts_sha256: str
    """Over the prompt hashes of all that were asked, in order of id."""


def read_answers(run: Run, run_dir: Path, settings: Settings) -> Answered:
    """Read the answers to a run's queries; a larger limit may have left more in the folder.

    Raises:
        ResultsError: a query has neither a record nor a recorded failure.
    """
    wanted = {query.id for query in run.queries}
    answers: dict[str, Answer] = {}
    prompts: list[tuple[str, str]] = []
    num_dropped = 0
    for record in read_records(run_dir):
        if record.id in wanted:
            answers[record.id] = read_answer(record, run.task, settings.protocol)
            prompts.append((record.id, record.prompt_sha256))
            num_dropped += bool(record.dropped)
    failed = [query_id for query_id in read_failures(run_dir) if query_id in wanted - set(answers)]
    answers |= dict.fromkeys(failed, fail(run.task))
    digest = hashlib.sha256()
    for query_id, prompt in sorted(prompts):
        digest.update(f"{prompt} {query_id}\n".encode("utf-8", "surrogatepass"))
    return Answered(
        pair_predictions(run.queries, answers, where=str(run_dir), partial=False),
        num_dropped,
        len(failed),
        digest.hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class Scored:
    """The parts of a summary that metrics compute."""

    scores: Mapping[str, Mapping[str, Any]]
    breakdowns: Mapping[str, Mapping[str, Mapping[str, Any]]]
    unscored: str
    per_query: Mapping[str, Mapping[str, float]]
    """Score -> query id -> value, of those that have one for each query."""


def score_predictions(
    task: Task, split: ExampleSet, predictions: Sequence[Prediction], *, is_sample: bool = False
) -> Scored:
    """Score predictions; of a random sample of the split, with errors about all of it."""
    if not split.answered:
        return Scored({}, {}, UNSCORED, {})
    scores = compute_scores(task, predictions, sampled_from=split.examples if is_sample else None)
    breakdowns = split_scores(scores, [prediction.example for prediction in predictions])
    per_query = {name: score.pop("per_example") or {} for name, score in scores.items()}
    return Scored(scores, breakdowns, "", {name: each for name, each in per_query.items() if each})


def list_query_scores(scored: Scored, predictions: Sequence[Prediction]) -> Iterator[QueryScore]:
    """Yield what each query scored."""
    scales = {name: read_scale(scored.scores[name]) for name in scored.per_query}
    unusual = {name: scale for name, scale in scales.items() if scale != DEFAULT_SCALE}
    for prediction in predictions:
        example, answer = prediction.example, prediction.answer
        yield QueryScore(
            id=example.id,
            picture=example.picture_id,
            answer=answer.text,
            scores={name: each[example.id] for name, each in scored.per_query.items()},
            label=example.label,
            choice=answer.choice,
            probabilities=answer.probabilities,
            failed=answer.failed,
            scales=unusual,
        )


def summarise(run: Run, run_dir: Path, settings: Settings) -> RunSummary:
    """Score a run from its records, note what each query scored, and say what the run is.

    Raises:
        ResultsError: a query has no record.
    """
    answers = read_answers(run, run_dir, settings)
    is_sample = run.sampled is not None
    scored = score_predictions(run.task, run.split, answers.predictions, is_sample=is_sample)
    write_query_scores(run_dir, list_query_scores(scored, answers.predictions))
    answered = read_answered(run_dir)
    protocol, identity = settings.protocol, read_identity(run_dir)
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
        protocol_changes=find_changes(protocol, run.task),
        sampler="plan file" if run.plan.plan_file else str(run.plan.sampler),
        num_support=run.plan.num_support,
        headline=protocol.headline_score(run.task),
        scores=scored.scores,
        breakdowns=scored.breakdowns,
        unscored=scored.unscored,
        num_queries=len(run.queries),
        num_split=len(run.split.examples),
        num_official=run.settings.split_sizes.get(run.settings.split),
        is_mini=run.settings.is_mini,
        benchmark=run.settings.benchmark,
        reference_split=run.settings.reference_splits.get(run.settings.split),
        num_dropped=answers.num_dropped,
        hash=identity.hash,
        plan_sha256=hash_plan(run_dir / PLAN, [query.id for query in run.queries]),
        prompts_sha256=answers.prompts_sha256,
        answered=answered,
        scored=describe_code(),
        num_failures=answers.num_failures,
        sample=settings.sample if is_sample else None,
        sample_seed=settings.sample_seed if is_sample else None,
        identity_schema=identity.schema,
        task_name=run.task.name,
        is_other_data=not is_same_data(run.split, answered["data"]["queries"]),
    )
