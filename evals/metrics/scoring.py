"""What every metric shares: predictions are checked once, and a mean travels with its error."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from evals.errors import DataError, list_problems
from evals.stats import mean_standard_error
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
    predictions: Sequence[Prediction], score: Callable[[Prediction], float]
) -> dict[str, float]:
    """Return example id -> score, ids checked to be distinct."""
    check_ids(predictions)
    return {prediction.example.id: score(prediction) for prediction in predictions}


def mean_score(name: str, per_example: Mapping[str, float]) -> Score:
    """Return the mean over examples with the standard error of a mean, s / sqrt(n).

    It takes the examples as independent, even several questions on one picture. `math.fsum` rounds
    once, so the order of the predictions moves no digit.
    """
    if not per_example:
        return not_computed(name, 0, note=NO_PREDICTIONS)
    values = list(per_example.values())
    return Score(
        name=name,
        value=math.fsum(values) / len(values),
        num_examples=len(values),
        standard_error=mean_standard_error(values),
        per_example=per_example,
    )


def not_computed(name: str, num_examples: int, *, note: str) -> Score:
    return Score(name=name, value=None, num_examples=num_examples, note=f"not computed: {note}")
