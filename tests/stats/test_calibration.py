"""Probabilities held against what came true."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from evals.stats import calibrate

said = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50)


@given(said)
def test_bins_and_brier_score_are_sklearns(pairs: list[tuple[bool, float]]) -> None:
    outcomes, probabilities = [list(column) for column in zip(*pairs, strict=True)]
    made = calibrate(outcomes, probabilities)
    brier = brier_score_loss(outcomes, probabilities, pos_label=True)
    assert made.brier == pytest.approx(brier, abs=1e-9)
    on_an_edge = any(math.isclose(10 * p, round(10 * p), abs_tol=1e-9) for p in probabilities)
    if not on_an_edge:  # sklearn's bins own their upper edge, ours the lower one
        shares, means = calibration_curve(outcomes, probabilities, n_bins=10)
        assert [b.share for b in made.bins] == pytest.approx(shares.tolist(), abs=1e-9)
        assert [b.probability for b in made.bins] == pytest.approx(means.tolist(), abs=1e-9)


def test_honest_probabilities_have_a_small_error_and_their_share_in_the_interval() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.random(20_000)
    outcomes = generator.random(20_000) < probabilities
    made = calibrate(outcomes.tolist(), probabilities.tolist())
    assert made.error < 0.02
    assert all(b.interval.low - 0.02 < b.probability < b.interval.high + 0.02 for b in made.bins)


def test_boasting_is_an_error_of_its_size() -> None:
    made = calibrate([True, False] * 50, [0.9] * 100)
    assert made.error == pytest.approx(0.4)
    assert made.brier == pytest.approx((0.1**2 + 0.9**2) / 2)
    (only,) = made.bins
    assert (only.num_examples, only.share) == (100, 0.5)
    assert only.interval.low < 0.5 < only.interval.high


@pytest.mark.parametrize(("outcomes", "probabilities"), [([], []), ([True], [1.2])])
def test_what_is_no_probability_is_refused(
    outcomes: list[bool], probabilities: list[float]
) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibrate(outcomes, probabilities)
