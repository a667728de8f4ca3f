"""Statistics against scipy, sklearn and their own definitions."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import sem
from sklearn.metrics import roc_auc_score

from evals.stats import bootstrap_weights, breakdown, mean_standard_error, roc_auc
from evals.types import Example

numbers = st.floats(-1e6, 1e6)
ranked = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])), min_size=2
).filter(lambda pairs: len({label for label, _ in pairs}) == 2)


@settings(deadline=None)  # scipy
@given(st.lists(numbers, min_size=2))
def test_the_standard_error_of_a_mean_is_scipys(values: list[float]) -> None:
    assert mean_standard_error(values) == pytest.approx(float(sem(values)), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_values_have_no_standard_error(values: list[float]) -> None:
    assert mean_standard_error(values) is None


@given(st.lists(numbers, min_size=2), st.randoms())
def test_the_standard_error_does_not_depend_on_order(
    values: list[float], shuffler: random.Random
) -> None:
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    assert mean_standard_error(shuffled) == mean_standard_error(values)


@settings(deadline=None)  # sklearn
@given(ranked)
def test_the_area_is_sklearns_with_ties(pairs: list[tuple[int, float]]) -> None:
    labels, scores = [label for label, _ in pairs], [score for _, score in pairs]
    assert roc_auc(labels, scores).value == pytest.approx(roc_auc_score(labels, scores))


@settings(deadline=None)  # scipy
@given(ranked)
def test_delong_follows_its_definition_over_all_pairs(pairs: list[tuple[int, float]]) -> None:
    positives = np.array([score for label, score in pairs if label == 1])
    negatives = np.array([score for label, score in pairs if label == 0])
    wins = np.heaviside(positives[:, None] - negatives[None, :], 0.5)
    estimate = roc_auc([label for label, _ in pairs], [score for _, score in pairs])
    if min(wins.shape) < 2:
        assert estimate.standard_error is None
        return
    variance = wins.mean(axis=1).var(ddof=1) / len(positives) + wins.mean(axis=0).var(ddof=1) / len(
        negatives
    )
    assert estimate.standard_error == pytest.approx(math.sqrt(variance), abs=1e-9)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([], []),
        ([1, 1], [0.2, 0.4]),
        ([0, 2], [0.2, 0.4]),
        ([0, 1], [0.2]),
        ([0, 1], [0.2, math.nan]),
    ],
)
def test_an_area_that_does_not_exist_is_refused(labels: list[int], scores: list[float]) -> None:
    with pytest.raises(ValueError, match="ROC AUC"):
        roc_auc(labels, scores)


def test_every_resample_draws_as_many_examples_as_there_are() -> None:
    weights = np.concatenate(list(bootstrap_weights(7, num_resamples=250)))
    assert weights.shape == (250, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert len(np.unique(weights, axis=0)) > 200


def test_the_bootstrap_is_the_same_each_time_and_another_with_another_seed() -> None:
    def draw(seed: int) -> list[list[int]]:
        return np.concatenate(list(bootstrap_weights(5, seed=seed))).tolist()

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_the_bootstrap_finds_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(3).normal(size=400)
    means = np.concatenate([weights @ values / 400 for weights in bootstrap_weights(400)])
    assert means.std(ddof=1) == pytest.approx(mean_standard_error(values.tolist()), rel=0.1)


def _example(example_id: str, answer_type: str) -> Example:
    return Example(example_id, image=None, metadata={"answer_type": answer_type})


def test_a_breakdown_has_the_mean_and_count_of_each_value() -> None:
    examples = [_example("a", "yes/no"), _example("b", "other"), _example("c", "yes/no")]
    groups = breakdown({"a": 1.0, "b": 0.3, "c": 0.0}, examples, key="answer_type")
    assert list(groups) == ["other", "yes/no"]
    assert groups["other"] == (0.3, 1, None)
    assert groups["yes/no"] == (0.5, 2, 0.5)


def test_a_breakdown_may_cover_part_of_the_examples() -> None:
    examples = [_example("a", "yes/no"), _example("b", "other")]
    assert list(breakdown({"b": 1.0}, examples, key="answer_type")) == ["other"]


def test_a_breakdown_names_an_example_without_the_metadata() -> None:
    with pytest.raises(ValueError, match=r"'question_type' in the metadata of 1 examples.*'a'"):
        breakdown({"a": 1.0}, [_example("a", "yes/no")], key="question_type")
