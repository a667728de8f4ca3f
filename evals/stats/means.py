"""A mean, how far it is off, and an interval: of queries that share pictures, too.

Several questions on one picture are not as many independent draws, so deviations are summed
picture by picture before they are squared: Miller, "Adding Error Bars to Evals" (arXiv:2411.00640,
section 2.2) and Cameron and Miller (Journal of Human Resources 50, 2015), with the correction
G / (G - 1) for G clusters. With one query a picture it is the standard error of a mean.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

LEVEL = 0.95


class Interval(NamedTuple):
    low: float
    high: float


def mean_standard_error(
    values: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> float | None:
    """Return the standard error of the mean; `None` of fewer than two clusters.

    `math.fsum` makes it independent of the order of the values.

    Args:
        values: (n,).
        clusters: (n,): which belong together; each by itself with `None`.
    """
    num_clusters = count_clusters(values, clusters)
    if num_clusters < 2:
        return None
    mean = math.fsum(values) / len(values)
    sums = sum_clusters([value - mean for value in values], clusters)
    spread = math.fsum(total * total for total in sums)
    return math.sqrt(spread * num_clusters / (num_clusters - 1)) / len(values)


def t_interval(value: float, standard_error: float, *, num_clusters: int) -> Interval:
    """Return the 95 % interval from Student's t with `num_clusters` - 1 degrees of freedom."""
    half = t_quantile(0.5 + LEVEL / 2, num_clusters=num_clusters) * standard_error
    return Interval(value - half, value + half)


def t_quantile(probability: float, *, num_clusters: int) -> float:
    from scipy.stats import t

    return float(t.ppf(probability, num_clusters - 1))


def count_clusters(values: Sequence[float], clusters: Sequence[Hashable] | None) -> int:
    return len(values) if clusters is None else len(set(clusters))


def sum_clusters(values: Sequence[float], clusters: Sequence[Hashable] | None) -> Sequence[float]:
    """Return the sum of each cluster's values, exactly rounded."""
    if clusters is None:
        return values
    members: defaultdict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        members[cluster].append(value)
    return [math.fsum(part) for part in members.values()]
