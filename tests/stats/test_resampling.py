"""The bootstrap against scipy's with the same resamples; flipped signs against all arrangements."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from evals.stats import (
    bootstrap_mean,
    bootstrap_weights,
    flip_signs,
    mean_standard_error,
    measure_spread,
)


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


def test_the_spread_is_scipys_with_the_same_resamples() -> None:
    values = np.random.default_rng(1).random(30)
    theirs = bootstrap(
        (values,),
        np.mean,
        n_resamples=500,
        method="percentile",
        rng=np.random.default_rng(7),
    )
    drawn = np.random.default_rng(7).integers(0, 30, (500, 30))
    weights = np.stack([np.bincount(row, minlength=30) for row in drawn])
    ours = measure_spread(weights @ values / 30)
    assert ours.standard_error == pytest.approx(theirs.standard_error, abs=1e-9)
    assert ours.interval == pytest.approx(theirs.confidence_interval, abs=1e-9)


def test_a_means_bootstrap_is_near_to_its_formula() -> None:
    values = np.random.default_rng(2).random(500).tolist()
    spread = bootstrap_mean(values)
    assert spread is not None
    assert spread.standard_error == pytest.approx(mean_standard_error(values), rel=0.1)
    assert spread.interval.low < np.mean(values) < spread.interval.high
    assert bootstrap_mean([0.5]) is None


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([-1.0, -0.3, 0.3, 0.6, 1.0]), min_size=1, max_size=8))
def test_flipped_signs_find_the_share_of_all_arrangements(differences: list[float]) -> None:
    observed = abs(sum(differences)) - 1e-9
    signs = itertools.product((-1, 1), repeat=len(differences))
    sums = [abs(sum(s * d for s, d in zip(each, differences, strict=True))) for each in signs]
    share = sum(total >= observed for total in sums) / len(sums)
    assert flip_signs(differences) == pytest.approx(share, abs=0.02)


def test_queries_that_did_not_move_change_no_p_value() -> None:
    moved = [0.3, -0.6, 1.0, 0.3, 0.9]
    assert flip_signs([*moved, *[0.0] * 50]) == flip_signs(moved)
    assert flip_signs([0.0, 0.0]) == flip_signs([]) == 1.0
