"""ROC AUC of probabilities and of hard labels, and accuracy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evals.errors import DataError
from evals.metrics import ACCURACY, ROC_AUC, ROC_AUC_HARD_LABELS
from evals.types import Answer, Example, Metric, Prediction, Score

ALL = (ROC_AUC, ROC_AUC_HARD_LABELS, ACCURACY)


def predict(example_id: str, label: int | None, *, yes: float) -> Prediction:
    example = Example(example_id, image=None, label=label)
    return Prediction(example, Answer(choice=int(yes > 0.5), probabilities=(1 - yes, yes)))


def only(metric: Metric, predictions: list[Prediction]) -> Score:
    (score,) = metric.compute(predictions)
    assert score.name == metric.name
    return score


@settings(deadline=None)  # sklearn
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.9])), min_size=2
    ).filter(lambda rows: len({label for label, _ in rows}) == 2)
)
def test_the_areas_are_sklearns(rows: list[tuple[int, float]]) -> None:
    predictions = [predict(str(i), label, yes=yes) for i, (label, yes) in enumerate(rows)]
    labels = [label for label, _ in rows]
    soft = roc_auc_score(labels, [yes for _, yes in rows])
    hard = roc_auc_score(labels, [int(yes > 0.5) for _, yes in rows])
    assert only(ROC_AUC, predictions).value == pytest.approx(soft)
    assert only(ROC_AUC_HARD_LABELS, predictions).value == pytest.approx(hard)


def test_hard_labels_hide_the_ranking() -> None:
    """Every P(yes) below one half: a perfect ranking, but one and the same hard label."""
    predictions = [
        predict("a", 0, yes=0.1),
        predict("b", 1, yes=0.4),
        predict("c", 0, yes=0.2),
        predict("d", 1, yes=0.3),
    ]
    assert only(ROC_AUC, predictions).value == 1.0
    assert only(ROC_AUC_HARD_LABELS, predictions).value == 0.5
    accuracy = only(ACCURACY, predictions)
    assert accuracy.per_example == {"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.0}
    assert accuracy.standard_error == pytest.approx((1 / 3) ** 0.5 / 2)


def test_one_class_has_no_area() -> None:
    predictions = [predict("a", 1, yes=0.2), predict("b", 1, yes=0.9)]
    for metric in (ROC_AUC, ROC_AUC_HARD_LABELS):
        score = only(metric, predictions)
        assert (score.value, score.num_examples) == (None, 2)
        assert score.note == "not computed: all 2 examples have the label 1"
    assert only(ACCURACY, predictions).value == 0.5


def test_an_area_without_probabilities_is_not_computed() -> None:
    predictions = [
        Prediction(Example(str(label), image=None, label=label), Answer(choice=label))
        for label in (0, 1)
    ]
    score = only(ROC_AUC, predictions)
    assert score.note == "not computed: 2 of 2 answers come without probabilities"
    assert only(ROC_AUC_HARD_LABELS, predictions).value == 1.0


@pytest.mark.parametrize("metric", [ROC_AUC_HARD_LABELS, ACCURACY])
def test_free_text_is_no_choice(metric: Metric) -> None:
    score = only(metric, [Prediction(Example("a", image=None, label=1), Answer("maybe"))])
    assert score.note == "not computed: 1 of 1 answers name none of the choices"


def test_probabilities_of_three_choices_are_a_bug_of_the_task() -> None:
    answer = Answer(choice=0, probabilities=(0.5, 0.3, 0.2))
    predictions = [Prediction(Example("a", image=None, label=0), answer)]
    with pytest.raises(ValueError, match="two choices"):
        ROC_AUC.compute(predictions)


@pytest.mark.parametrize("metric", ALL)
def test_no_predictions_are_no_score(metric: Metric) -> None:
    assert only(metric, []).note == "not computed: there are no predictions"


@pytest.mark.parametrize("metric", ALL)
def test_an_example_predicted_twice_is_a_bug(metric: Metric) -> None:
    with pytest.raises(ValueError, match="more than once"):
        metric.compute([predict("a", 1, yes=0.2), predict("a", 0, yes=0.9)])


@pytest.mark.parametrize("metric", ALL)
def test_examples_without_labels_are_listed(metric: Metric) -> None:
    with pytest.raises(DataError, match=r"1 of 2 examples have no label.*\n  - b"):
        metric.compute([predict("a", 1, yes=0.2), predict("b", None, yes=0.9)])


def test_what_failed_is_wrong_and_ranks_in_the_middle() -> None:
    """Whatever its label: it must neither gain nor lose by which choice is named first."""
    failed = Answer(choice=0, probabilities=(0.5, 0.5), failed=True)
    sound = [predict("a", 0, yes=0.1), predict("b", 1, yes=0.9)]
    for label in (0, 1):
        predictions = [*sound, Prediction(Example("c", image=None, label=label), failed)]
        accuracy = only(ACCURACY, predictions)
        assert accuracy.per_example == {"a": 1.0, "b": 1.0, "c": 0.0}
        assert only(ROC_AUC, predictions).value == 1.0
        assert only(ROC_AUC_HARD_LABELS, predictions).value == 1.0
    tied = [Prediction(Example("d", image=None, label=0), failed)]
    tied += [Prediction(Example("e", image=None, label=1), failed)]
    assert only(ROC_AUC_HARD_LABELS, tied).value == 0.5
