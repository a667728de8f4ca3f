"""The tests are of the size, coverage and power that they claim, within what chance allows."""

import pytest
from scipy.stats import binom

from evals.comparison.calibration import Scenario, calibrate, list_scenarios


def bounds(probability: float, count: int) -> tuple[float, float]:
    """Return between which parts chance lets a probability fall, 9,999 times of 10,000."""
    low, high = binom.interval(1 - 1e-4, count, probability)
    return low / count, high / count


def check(scenario: Scenario, *, num_simulations: int) -> None:
    made = calibrate(scenario, num_simulations=num_simulations)
    low, high = bounds(0.05, num_simulations)
    assert low <= made.rejected <= high, made
    low, high = bounds(0.95, num_simulations)
    assert low <= made.covered <= high, made
    assert low <= made.difference_covered <= high, made
    low, high = bounds(0.8, num_simulations)
    assert low - 0.03 <= made.power <= high + 0.03, made
    if made.exact_rejected is not None:
        assert made.exact_rejected <= made.rejected


@pytest.mark.slow
@pytest.mark.parametrize("scenario", list_scenarios(), ids=lambda scenario: scenario.name)
def test_each_test_keeps_its_word(scenario: Scenario) -> None:
    check(scenario, num_simulations=2000)


@pytest.mark.parametrize("scenario", list_scenarios(60)[::3], ids=lambda scenario: scenario.name)
def test_each_test_nearly_keeps_its_word_on_few_pictures(scenario: Scenario) -> None:
    check(scenario, num_simulations=300)
