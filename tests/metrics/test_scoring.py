"""What metrics share."""

from evals.metrics.scoring import score_each
from evals.types import Answer, Example, Prediction


def test_a_query_that_failed_scores_the_worst_there_is_in_either_direction() -> None:
    """An error rate gave it 0, which is the best."""
    predictions = [
        Prediction(Example("1", None), Answer("said")),
        Prediction(Example("2", None), Answer(failed=True)),
    ]
    assert score_each(predictions, lambda each: 0.4) == {"1": 0.4, "2": 0.0}
    assert score_each(predictions, lambda each: 0.4, worst=1.0) == {"1": 0.4, "2": 1.0}
