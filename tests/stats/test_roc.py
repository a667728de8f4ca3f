"""Areas under ROC curves, against sklearn and the papers' definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evals.stats import roc_auc, roc_auc_difference, roc_auc_parts

ranked = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])), min_size=2
).filter(lambda pairs: len({label for label, _ in pairs}) == 2)


@settings(deadline=None)  # sklearn
@given(ranked)
def test_the_area_is_sklearns_with_ties(pairs: list[tuple[int, float]]) -> None:
    labels, scores = [label for label, _ in pairs], [score for _, score in pairs]
    assert roc_auc(labels, scores).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)


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


@settings(deadline=None)  # scipy
@given(ranked)
def test_an_area_is_the_mean_of_its_parts_and_varies_as_they_do(
    pairs: list[tuple[int, float]],
) -> None:
    labels, scores = [label for label, _ in pairs], [score for _, score in pairs]
    estimate, parts = roc_auc(labels, scores), roc_auc_parts(labels, scores)
    assert np.mean(parts) == pytest.approx(estimate.value, abs=1e-9)
    m, n = sum(labels), len(labels) - sum(labels)
    if min(m, n) > 1:  # DeLong divides by m - 1 and n - 1
        deviations = np.array(parts) - estimate.value
        counts = np.where(np.array(labels) == 1, m, n)
        variance = (deviations**2 * counts / (counts - 1)).sum() / (m + n) ** 2
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


def draw(seed: int, *, num_pictures: int = 40, copies: int = 3) -> tuple[list[int], list[float]]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, num_pictures * copies)
    scores = generator.normal(size=num_pictures * copies) + labels
    return labels.tolist(), scores.tolist()


def test_clusters_of_one_are_delongs() -> None:
    labels, scores = draw(0)
    assert roc_auc(labels, scores, range(len(labels))) == roc_auc(labels, scores)


def test_the_clustered_error_follows_obuchowskis_definition() -> None:
    labels, scores = draw(1)
    clusters = [index // 3 for index in range(len(labels))]
    y, x, g = (np.array(values) for values in (labels, scores, clusters))
    wins = np.heaviside(x[y == 1][:, None] - x[y == 0][None, :], 0.5)
    area, m, n = wins.mean(), *wins.shape
    above, below = wins.mean(axis=1), wins.mean(axis=0)
    tens = {c: (above[g[y == 1] == c] - area).sum() for c in set(g[y == 1])}
    ones = {c: (below[g[y == 0] == c] - area).sum() for c in set(g[y == 0])}
    i10, i01, i = len(tens), len(ones), len(set(clusters))
    s10 = i10 / ((i10 - 1) * m) * sum(v**2 for v in tens.values())
    s01 = i01 / ((i01 - 1) * n) * sum(v**2 for v in ones.values())
    s11 = i / (i - 1) * sum(tens.get(c, 0) * ones.get(c, 0) for c in set(clusters))
    variance = s10 / m + s01 / n + 2 * s11 / (m * n)
    made = roc_auc(labels, scores, clusters)
    assert made.standard_error == pytest.approx(math.sqrt(variance), abs=1e-9)


def test_the_error_of_a_difference_is_delongs_with_the_covariance() -> None:
    labels, ones = draw(2)
    others = [one + noise for one, noise in zip(ones, draw(3)[1], strict=True)]
    y = np.array(labels)
    parts = []
    for scores in (ones, others):
        x = np.array(scores)
        wins = np.heaviside(x[y == 1][:, None] - x[y == 0][None, :], 0.5)
        parts.append((wins.mean(axis=1), wins.mean(axis=0)))
    positive, negative = (
        np.cov(np.stack([one[k], other[k]])) for k in (0, 1) for one, other in [parts]
    )
    contrast = np.array([-1.0, 1.0])
    variance = contrast @ (positive / (y == 1).sum() + negative / (y == 0).sum()) @ contrast
    made = roc_auc_difference(labels, ones, others)
    assert made.standard_error == pytest.approx(math.sqrt(variance), abs=1e-9)
    assert made.value == pytest.approx(roc_auc(labels, others).value - roc_auc(labels, ones).value)


def test_equal_rankings_differ_by_nothing_for_certain() -> None:
    labels, scores = draw(4)
    assert roc_auc_difference(labels, scores, scores) == (0.0, 0.0)
