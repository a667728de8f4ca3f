"""Whether probabilities mean what they say: of all answers given 70 %, are 70 % right?

Reliability diagram and expected calibration error over equally wide bins: Guo et al., "On
Calibration of Modern Neural Networks" (ICML 2017), sections 2 and 3. Brier score: Monthly Weather
Review 78 (1950), for two outcomes. Intervals of a bin's share: Wilson (JASA 22, 1927).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from evals.stats.means import LEVEL, Interval

NUM_BINS = 10


class Bin(NamedTuple):
    """The examples whose probability lies in one part of 0..1."""

    num_examples: int
    probability: float
    """Mean of what was said."""
    share: float
    """Of those that came true."""
    interval: Interval
    """95 %, of the share."""


class Calibration(NamedTuple):
    bins: tuple[Bin, ...]
    """Those that hold an example, from low to high."""
    error: float
    """Expected calibration error: mean distance of probability and share, weighted by examples."""
    brier: float
    """Mean squared distance of probability and outcome: who always says 0.5 gets 0.25."""


def calibrate(
    outcomes: Sequence[bool], probabilities: Sequence[float], *, num_bins: int = NUM_BINS
) -> Calibration:
    """Hold probabilities against outcomes, (n,) each.

    Raises:
        ValueError: there are none, or a probability is outside 0..1.
    """
    from statsmodels.stats.proportion import proportion_confint

    if not outcomes or not all(0 <= probability <= 1 for probability in probabilities):
        raise ValueError("calibration needs probabilities between 0 and 1")
    members: list[list[tuple[float, bool]]] = [[] for _ in range(num_bins)]
    for outcome, probability in zip(outcomes, probabilities, strict=True):
        members[min(int(probability * num_bins), num_bins - 1)].append((probability, outcome))
    bins = []
    for part in members:
        if part:
            true, count = sum(outcome for _, outcome in part), len(part)
            low, high = proportion_confint(true, count, alpha=1 - LEVEL, method="wilson")
            mean = math.fsum(probability for probability, _ in part) / count
            bins.append(Bin(count, mean, true / count, Interval(float(low), float(high))))
    total = len(outcomes)
    squares = ((p - o) ** 2 for o, p in zip(outcomes, probabilities, strict=True))
    return Calibration(
        bins=tuple(bins),
        error=math.fsum(abs(b.probability - b.share) * b.num_examples for b in bins) / total,
        brier=math.fsum(squares) / total,
    )
