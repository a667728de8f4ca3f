"""The area under the ROC curve, its variance, and the difference of two.

The area is the Mann-Whitney statistic, ties counted one half, which is what sklearn's
`roc_auc_score` integrates. The variance is that of DeLong, DeLong and Clarke-Pearson, "Comparing
the Areas under Two or More Correlated Receiver Operating Characteristic Curves" (Biometrics 44,
1988), with the midranks of Sun and Xu (IEEE Signal Processing Letters 21, 2014): O(n log n). Where
examples share a picture it is that of Obuchowski, "Nonparametric Analysis of Clustered ROC Curve
Data" (Biometrics 53, 1997), which with one example a picture is DeLong's.
Shapes: m positives, n negatives.
"""

import math
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RocAuc(NamedTuple):
    value: float
    standard_error: float | None
    """`None` where a class has a single example, or a single cluster."""


def roc_auc(
    labels: Sequence[int], scores: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> RocAuc:
    """Return the area and its standard error.

    Args:
        labels: 0 or 1 of each example.
        scores: higher for 1.
        clusters: which examples belong together; each by itself with `None`.

    Raises:
        ValueError: a label other than 0 and 1, a single class, or a score that is not finite.
    """
    parts = _take_apart(labels, scores)
    return RocAuc(parts.area, _standard_error(parts, labels, clusters))


def roc_auc_difference(
    labels: Sequence[int],
    ones: Sequence[float],
    others: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
) -> RocAuc:
    """Return how much larger the area of `others` is than that of `ones`, on the same examples.

    Raises:
        ValueError: as `roc_auc`.
    """
    one, other = _take_apart(labels, ones), _take_apart(labels, others)
    parts = _Parts(
        other.area - one.area, other.positives - one.positives, other.negatives - one.negatives
    )
    return RocAuc(parts.area, _standard_error(parts, labels, clusters))


def roc_auc_parts(labels: Sequence[int], scores: Sequence[float]) -> list[float]:
    """Return a number for each example whose mean is the area.

    It is the area and the example's own deviation from it (DeLong's structural component), weighted
    so that positives and negatives count as in the area: to first order an area varies as the mean
    of these numbers does, which makes means of areas accessible to what is known of means.

    Raises:
        ValueError: as `roc_auc`.
    """
    parts = _take_apart(labels, scores)
    m, n = len(parts.positives), len(parts.negatives)
    above = iter((parts.positives - parts.area).tolist())
    below = iter((parts.negatives - parts.area).tolist())
    return [
        parts.area + (m + n) * (next(above) / m if label == 1 else next(below) / n)
        for label in labels
    ]


class _Parts(NamedTuple):
    """An area as the mean of what each example adds to it."""

    area: float
    positives: "NDArray[np.float64]"
    """(m,): the part of the negatives that each positive is ranked above."""
    negatives: "NDArray[np.float64]"
    """(n,): the part of the positives that each negative is ranked below."""


def _take_apart(labels: Sequence[int], scores: Sequence[float]) -> _Parts:
    import numpy as np
    from scipy.stats import rankdata

    if len(labels) != len(scores) or set(labels) != {0, 1}:
        raise ValueError("ROC AUC needs a label 0 or 1 beside every score, and both classes")
    truth = np.asarray(labels) == 1
    values = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("ROC AUC needs finite scores")
    positives, negatives = values[truth], values[~truth]
    m, n = len(positives), len(negatives)
    ranks = rankdata(np.concatenate([positives, negatives]))  # midranks: ties share their mean
    # Ranks are halves of integers, so their sum is exact, whatever the order of the examples.
    area = float(ranks[:m].sum() - m * (m + 1) / 2) / (m * n)
    return _Parts(
        area,
        (ranks[:m] - rankdata(positives)) / n,
        1 - (ranks[m:] - rankdata(negatives)) / m,
    )


def _standard_error(
    parts: _Parts, labels: Sequence[int], clusters: Sequence[Hashable] | None
) -> float | None:
    m, n = len(parts.positives), len(parts.negatives)
    above = iter((parts.positives - parts.area).tolist())
    below = iter((parts.negatives - parts.area).tolist())
    names = range(len(labels)) if clusters is None else clusters
    of_positives: dict[Hashable, list[float]] = {}
    of_negatives: dict[Hashable, list[float]] = {}
    for label, name in zip(labels, names, strict=True):
        if label == 1:
            of_positives.setdefault(name, []).append(next(above))
        else:
            of_negatives.setdefault(name, []).append(next(below))
    if min(len(of_positives), len(of_negatives)) < 2:
        return None
    positive = {name: math.fsum(values) for name, values in of_positives.items()}
    negative = {name: math.fsum(values) for name, values in of_negatives.items()}
    variance = _spread(positive.values()) / m**2 + _spread(negative.values()) / n**2
    shared = [positive[name] * negative[name] for name in positive if name in negative]
    if shared:
        num_clusters = len(positive.keys() | negative.keys())
        variance += 2 * math.fsum(shared) * num_clusters / (num_clusters - 1) / (m * n)
    return math.sqrt(max(0.0, variance))


def _spread(sums: Collection[float]) -> float:
    return math.fsum(value * value for value in sums) * len(sums) / (len(sums) - 1)
