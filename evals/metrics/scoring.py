"""What every metric shares: predictions are checked once, and a mean travels with its error."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evals.errors import DataError, list_problems
from evals.stats import mean_standard_error, t_interval
from evals.types import Prediction, Score

NO_PREDICTIONS = "there are no predictions"


def check_ids(predictions: Sequence[Prediction]) -> None:
    """Raise a ValueError when an example is predicted twice: the caller's bug, whatever its data.

    Only a mean over distinct examples is the benchmark's number.
    """
    counts = Counter(prediction.example.id for prediction in predictions)
    repeated = [example_id for example_id, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(f"examples predicted more than once:\n{list_problems(repeated)}")


def check_references(predictions: Sequence[Prediction]) -> None:
    """Raise a DataError that lists the examples without a human answer."""
    bare = [
        prediction.example.id for prediction in predictions if not prediction.example.references
    ]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(predictions)} examples have no references to score against; "
            f"leave them out or give their answers:\n{list_problems(bare)}"
        )


def score_each(
    predictions: Sequence[Prediction],
    score: Callable[[Prediction], float],
    *,
    worst: float = 0.0,
) -> dict[str, float]:
    """Return example id -> score, ids checked to be distinct; what failed scores `worst`.

    Not what its empty text would score: VQA's normalisation makes nothing of the answer "a". Where
    lower is better 0 is the best there is: such a score says what its worst is (an error of 1).
    """
    check_ids(predictions)
    return {
        prediction.example.id: worst if prediction.answer.failed else score(prediction)
        for prediction in predictions
    }


def mean_score(
    name: str, per_example: Mapping[str, float], predictions: Sequence[Prediction]
) -> Score:
    """Return the mean over examples; its error is clustered by picture.

    `math.fsum` rounds once, so the order of the predictions moves no digit.
    """
    if not per_example:
        return not_computed(name, 0, note=NO_PREDICTIONS)
    pictures = [prediction.example.picture_id for prediction in predictions]
    values = [per_example[prediction.example.id] for prediction in predictions]
    return with_error(
        Score(name, math.fsum(values) / len(values), len(values), per_example=per_example),
        mean_standard_error(values, pictures),
        num_pictures=len(set(pictures)),
    )


def with_error(score: Score, standard_error: float | None, *, num_pictures: int) -> Score:
    """Return the score with its error and the interval that follows from it."""
    if standard_error is None or score.value is None:
        return replace(score, num_pictures=num_pictures)
    return replace(
        score,
        standard_error=standard_error,
        interval=t_interval(score.value, standard_error, num_clusters=num_pictures),
        num_pictures=num_pictures,
    )


def not_computed(name: str, num_examples: int, *, note: str) -> Score:
    """Return a score without a value; of one of which less is better, `replace` the direction."""
    return Score(name=name, value=None, num_examples=num_examples, note=f"not computed: {note}")
