"""Paired tests, against statsmodels and enumeration."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.power import tt_solve_power

from evals.stats import mcnemar, mean_difference, smallest_detectable, t_test

counts = st.integers(0, 60)


@settings(deadline=None)  # statsmodels
@given(counts, counts)
def test_the_exact_test_is_statsmodels(better: int, worse: int) -> None:
    theirs = statsmodels_mcnemar([[5, better], [worse, 5]], exact=True).pvalue
    assert mcnemar(better, worse).exact_p == pytest.approx(min(1.0, theirs), abs=1e-9)


@given(counts, counts)
def test_the_mid_p_counts_what_is_as_unlikely_half(better: int, worse: int) -> None:
    total = better + worse
    chances = binom.pmf(range(total + 1), total, 0.5)
    off = [abs(2 * k - total) for k in range(total + 1)]
    farther = sum(c for c, d in zip(chances, off, strict=True) if d > abs(better - worse))
    equal = sum(c for c, d in zip(chances, off, strict=True) if d == abs(better - worse))
    expected = farther + equal / 2 if total else 1.0
    assert mcnemar(better, worse).mid_p == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)  # scipy
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3))
def test_without_clusters_the_t_test_is_scipys(pairs: list[tuple[float, float]]) -> None:
    moves = [after - before for before, after in pairs]
    difference = mean_difference(moves)
    if not difference.standard_error or difference.standard_error < 1e-6:
        return
    theirs = ttest_rel([after for _, after in pairs], [before for before, _ in pairs])
    assert t_test(difference) == pytest.approx(float(theirs.pvalue), abs=1e-9)
    interval = theirs.confidence_interval(0.95)
    assert difference.interval == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_no_move_at_all_is_no_difference_for_certain() -> None:
    assert t_test(mean_difference([0.0, 0.0, 0.0])) == 1.0
    assert t_test(mean_difference([0.5, 0.5, 0.5])) == 0.0
    with pytest.raises(ValueError, match="no queries"):
        mean_difference([])
    with pytest.raises(ValueError, match="two clusters"):
        t_test(mean_difference([0.5]))


def test_the_smallest_detectable_difference_is_nearly_statsmodels() -> None:
    """statsmodels takes the power from the non-central t; the difference is in the third digit."""
    theirs = tt_solve_power(effect_size=None, nobs=300, alpha=0.05, power=0.8)
    assert smallest_detectable(1 / 300**0.5, num_clusters=300) == pytest.approx(theirs, rel=2e-3)
