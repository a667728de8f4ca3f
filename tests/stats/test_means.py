"""Means, their errors and intervals, against scipy and statsmodels."""

import random

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import sem, t

from evals.stats import mean_standard_error, t_interval

numbers = st.floats(-1e6, 1e6)


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


@settings(deadline=None)  # statsmodels
@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 5)), min_size=2))
def test_the_clustered_error_is_statsmodels(pairs: list[tuple[float, int]]) -> None:
    values, clusters = [value for value, _ in pairs], [cluster for _, cluster in pairs]
    error = mean_standard_error(values, clusters)
    if len(set(clusters)) < 2:
        assert error is None
        return
    fit = sm.OLS(np.array(values), np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(clusters)}
    )
    assert error == pytest.approx(float(fit.bse[0]), abs=1e-9)


@given(st.lists(numbers, min_size=2))
def test_clusters_of_one_are_no_clusters(values: list[float]) -> None:
    assert mean_standard_error(values, range(len(values))) == mean_standard_error(values)


def test_repeating_every_query_does_not_make_a_mean_surer() -> None:
    values = np.random.default_rng(0).random(50).tolist()
    again = mean_standard_error(values * 4, [*range(50)] * 4)
    assert again == pytest.approx(mean_standard_error(values))


def test_an_interval_is_students() -> None:
    low, high = t_interval(0.4, 0.1, num_clusters=8)
    assert (low, high) == pytest.approx(t.interval(0.95, 7, loc=0.4, scale=0.1))
