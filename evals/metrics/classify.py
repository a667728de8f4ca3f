"""Closed answers: ROC AUC, as the Hateful Memes challenge ranks by, and accuracy.

Flamingo and OpenFlamingo rank memes by P(yes); IDEFICS' code feeds the 0/1 answers instead of
probabilities (m4, unfolded_classification_metrics.py). Both are sklearn's `roc_auc_score`, under
two names so that they are never mixed up.
"""

from collections.abc import Sequence

from evals import stats
from evals.errors import DataError, list_problems
from evals.metrics.scoring import (
    NO_PREDICTIONS,
    check_ids,
    mean_score,
    not_computed,
    score_each,
    with_error,
)
from evals.types import Metric, Prediction, Score


def _roc_auc(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    without = sum(not prediction.answer.probabilities for prediction in predictions)
    if without:
        note = f"{without} of {len(predictions)} answers come without probabilities"
        return (not_computed("roc_auc", len(predictions), note=note),)
    if any(len(prediction.answer.probabilities) != 2 for prediction in predictions):
        raise ValueError("ROC AUC is for two choices, whose second is the positive class")
    return (_auc("roc_auc", predictions, [p.answer.probabilities[1] for p in predictions]),)


def _roc_auc_hard_labels(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    if note := _missing_choices(predictions):
        return (not_computed("roc_auc_hard_labels", len(predictions), note=note),)
    # What failed ranks between the two, as its probability of 0.5 does.
    choices = [0.5 if p.answer.failed else float(p.answer.choice or 0) for p in predictions]
    return (_auc("roc_auc_hard_labels", predictions, choices),)


def _accuracy(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    _labels(predictions)
    if note := _missing_choices(predictions):
        return (not_computed("accuracy", len(predictions), note=note),)
    each = score_each(predictions, lambda p: float(p.answer.choice == p.example.label))
    return (mean_score("accuracy", each, predictions),)


def _auc(name: str, predictions: Sequence[Prediction], scores: Sequence[float]) -> Score:
    check_ids(predictions)
    labels = _labels(predictions)
    if not labels:
        return not_computed(name, 0, note=NO_PREDICTIONS)
    if len(set(labels)) == 1:
        note = f"all {len(labels)} examples have the label {labels[0]}"
        return not_computed(name, len(labels), note=note)
    pictures = [prediction.example.picture_id for prediction in predictions]
    area = stats.roc_auc(labels, scores, pictures)
    score = Score(name, area.value, num_examples=len(labels))
    return with_error(score, area.standard_error, num_pictures=len(set(pictures)))


def _labels(predictions: Sequence[Prediction]) -> list[int]:
    bare = [prediction.example.id for prediction in predictions if prediction.example.label is None]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(predictions)} examples have no label to score against; "
            f"leave them out or give their labels:\n{list_problems(bare)}"
        )
    return [p.example.label for p in predictions if p.example.label is not None]


def _missing_choices(predictions: Sequence[Prediction]) -> str:
    missing = sum(prediction.answer.choice is None for prediction in predictions)
    return f"{missing} of {len(predictions)} answers name none of the choices" if missing else ""


ROC_AUC = Metric("roc_auc", _roc_auc)
ROC_AUC_HARD_LABELS = Metric("roc_auc_hard_labels", _roc_auc_hard_labels)
ACCURACY = Metric("accuracy", _accuracy)
