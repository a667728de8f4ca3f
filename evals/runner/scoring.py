"""From records to scores: no model, no pictures, any time again."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evals.errors import ResultsError, list_problems
from evals.protocols import ClassScore, Protocol
from evals.records import Generated, Ranked, Record
from evals.runner.sample import correct_error, count_pictures
from evals.stats import breakdown, group_examples
from evals.types import Answer, Example, Metric, Prediction, Score, Task

BREAKDOWN_KEYS = ("answer_type", "question_type")


def read_answer(record: Record, task: Task, protocol: Protocol) -> Answer:
    """Return the protocol's final answer in a record."""
    if isinstance(record.response, Generated):
        return Answer(text=protocol.truncate(task, record.response.text))
    scores = score_choices(record.response, protocol)
    choice = max(range(len(scores)), key=scores.__getitem__)
    return Answer(text=task.choices[choice], choice=choice, probabilities=_softmax(scores))


def fail(task: Task) -> Answer:
    """Return the answer of a query that could not be asked: nothing, no choice above another.

    The choice that is named is the first; metrics know that it is none.
    """
    if not task.choices:
        return Answer(failed=True)
    even = (1 / len(task.choices),) * len(task.choices)
    return Answer(choice=0, probabilities=even, failed=True)


def score_choices(response: Ranked, protocol: Protocol) -> tuple[float, ...]:
    """Return each choice's score: its log-probability (a token's, for MEAN), averaged over orders.

    OpenFlamingo averages log-probabilities, not probabilities, over orders.
    """
    lengths = (
        response.num_tokens
        if protocol.class_score is ClassScore.MEAN
        else (1,) * len(response.num_tokens)
    )
    return tuple(
        math.fsum(row[choice] for row in response.logprobs) / len(response.logprobs) / length
        for choice, length in enumerate(lengths)
    )


def pair_predictions(
    queries: Sequence[Example], answers: Mapping[str, Answer], *, where: str, partial: bool
) -> list[Prediction]:
    """Pair answers with their queries, in the queries' order.

    Raises:
        ResultsError: ids are missing (unless `partial`) or extra; all are listed.
    """
    wanted = {query.id for query in queries}
    problems = [f"id {extra} is not in the split" for extra in answers if extra not in wanted]
    if not partial:
        problems += [f"id {query.id} has no answer" for query in queries if query.id not in answers]
    if problems:
        hint = "" if partial else " (partial=true scores the ids that are there)"
        raise ResultsError(
            f"{where}: {len(problems)} ids do not fit{hint}:\n{list_problems(problems)}"
        )
    return [Prediction(query, answers[query.id]) for query in queries if query.id in answers]


def compute_scores(
    task: Task, predictions: Sequence[Prediction], *, sampled_from: Sequence[Example] | None = None
) -> dict[str, dict[str, Any]]:
    """Run every metric of a task; score name -> its values as summary.json has them.

    Args:
        task: whose metrics.
        predictions: of a split's queries.
        sampled_from: all queries of the split, where those of the predictions are a random sample
            of them: errors and intervals are then about the score of all.
    """
    return {
        score.name: {
            "value": score.value,
            "standard_error": score.standard_error,
            "interval": score.interval,
            "num_pictures": score.num_pictures,
            "num_examples": score.num_examples,
            "note": score.note,
            "higher_is_better": score.higher_is_better,
            "unit": score.scale.unit.value,
            "metric": metric.name,
            "metric_version": metric.version,
            "per_example": score.per_example,
        }
        for metric in task.metrics
        for score in _compute(metric, predictions, sampled_from)
    }


def _compute(
    metric: Metric, predictions: Sequence[Prediction], sampled_from: Sequence[Example] | None
) -> tuple[Score, ...]:
    if sampled_from is None:
        return metric.compute(predictions)
    scores = (
        metric.compute_sample(predictions, sampled_from)
        if metric.compute_sample
        else metric.compute(predictions)
    )
    num_drawn = count_pictures(prediction.example for prediction in predictions)
    num_pictures = count_pictures(sampled_from)
    return tuple(
        correct_error(score, num_drawn=num_drawn, num_pictures=num_pictures) for score in scores
    )


def split_scores(
    scores: Mapping[str, Mapping[str, Any]], examples: Sequence[Example]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Break scores that have a value for each query down by what the data set says of it."""
    groups = {
        key: group_examples(examples, key=key)
        for key in BREAKDOWN_KEYS
        if examples and all(key in example.metadata for example in examples)
    }
    return {
        name: {
            f"{key}={value}": {"value": part.mean, "num_examples": part.num_examples}
            for key, by_value in groups.items()
            for value, part in breakdown(score["per_example"], by_value).items()
        }
        for name, score in scores.items()
        if groups and score["per_example"]
    }


def _softmax(scores: Sequence[float]) -> tuple[float, ...]:
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    return tuple(weight / math.fsum(weights) for weight in weights)
