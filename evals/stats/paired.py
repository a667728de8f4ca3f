"""Whether two runs differ that answered the same queries.

Differences are taken query by query, so that what is hard for both takes no part.
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from evals.stats.means import (
    Interval,
    count_clusters,
    mean_standard_error,
    t_interval,
    t_quantile,
)

POWER = 0.8
ALPHA = 0.05


class Difference(NamedTuple):
    """By how much one is more than the other."""

    value: float
    standard_error: float | None
    """`None` of fewer than two clusters."""
    interval: Interval | None
    """95 %."""
    num_clusters: int


class McNemar(NamedTuple):
    """Of right and wrong answers: only queries on which the two differ say anything."""

    mid_p: float
    """Exact less half of the observed table's own probability: of a test's nominal size (Fagerland,
    Lydersen and Laake, BMC Medical Research Methodology 13:91, 2013)."""
    exact_p: float
    """Conservative: rejects less often than its level says."""


def mean_difference(
    differences: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> Difference:
    """Return the mean difference with its clustered standard error and interval.

    Raises:
        ValueError: there are none.
    """
    if not differences:
        raise ValueError("a mean difference of no queries")
    value = math.fsum(differences) / len(differences)
    num_clusters = count_clusters(differences, clusters)
    error = mean_standard_error(differences, clusters)
    interval = None if error is None else t_interval(value, error, num_clusters=num_clusters)
    return Difference(value, error, interval, num_clusters)


def t_test(difference: Difference) -> float:
    """Return the two-sided p-value of a difference from its standard error.

    Raises:
        ValueError: it has none.
    """
    from scipy.stats import t

    if difference.standard_error is None:
        raise ValueError("a t test needs two clusters")
    if difference.standard_error == 0:
        return 1.0 if difference.value == 0 else 0.0
    ratio = abs(difference.value) / difference.standard_error
    return float(2 * t.sf(ratio, difference.num_clusters - 1))


def mcnemar(num_better: int, num_worse: int) -> McNemar:
    """Test whether as many queries became right as became wrong (McNemar, Psychometrika 12, 1947).

    Args:
        num_better: wrong before and right after.
        num_worse: right before and wrong after.
    """
    from scipy.stats import binom

    total, fewer = num_better + num_worse, min(num_better, num_worse)
    if total == 0:
        return McNemar(1.0, 1.0)
    own = float(binom.pmf(fewer, total, 0.5))
    if num_better == num_worse:
        return McNemar(1 - own / 2, 1.0)
    exact = min(1.0, 2 * float(binom.cdf(fewer, total, 0.5)))
    return McNemar(exact - own, exact)


def smallest_detectable(standard_error: float, *, num_clusters: int) -> float:
    """Return the true difference that a test at 0.05 would find four times out of five.

    Miller (arXiv:2411.00640), section 5: the quantiles of size and power, times the standard error.
    """
    size = t_quantile(1 - ALPHA / 2, num_clusters=num_clusters)
    return (size + t_quantile(POWER, num_clusters=num_clusters)) * standard_error
