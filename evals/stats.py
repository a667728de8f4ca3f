"""Standard errors, the area under the ROC curve and breakdowns: pure functions over numbers.

Each names its source. A standard error is None where the data cannot give one (fewer than two
values); it is never a made-up zero.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evals.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def mean_standard_error(values: Sequence[float]) -> float | None:
    """Return s / sqrt(n) with s the unbiased sample standard deviation (n - 1); None if n < 2.

    The central-limit standard error of Miller, "Adding Error Bars to Evals", arXiv:2411.00640,
    section 2.1. `math.fsum` makes it independent of the order of the values.
    """
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return math.sqrt(variance / n)


class RocAuc(NamedTuple):
    value: float
    standard_error: float | None
    """None where a class has a single example."""


def roc_auc(labels: Sequence[int], scores: Sequence[float]) -> RocAuc:
    """Return the area under the ROC curve and its standard error after DeLong et al. (1988).

    The area is the Mann-Whitney statistic, ties counted one half, which is what sklearn's
    `roc_auc_score` integrates. The variance is DeLong, DeLong and Clarke-Pearson, "Comparing the
    Areas under Two or More Correlated Receiver Operating Characteristic Curves", Biometrics 44,
    with the midranks of Sun and Xu (IEEE Signal Processing Letters 21, 2014): O(n log n).

    Raises:
        ValueError: a label other than 0 and 1, a single class, or a score that is not finite.
    """
    import numpy as np
    from scipy.stats import rankdata

    if len(labels) != len(scores) or set(labels) != {0, 1}:
        raise ValueError("ROC AUC needs a label 0 or 1 beside every score, and both classes")
    truth = np.asarray(labels) == 1
    values = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("ROC AUC needs finite scores")
    # Sorted, so that the order of the examples moves no digit.
    positives, negatives = np.sort(values[truth]), np.sort(values[~truth])
    m, n = len(positives), len(negatives)
    ranks = rankdata(np.concatenate([positives, negatives]))  # midranks: ties share their mean
    area = float(ranks[:m].sum() - m * (m + 1) / 2) / (m * n)
    # Per example: the part of the other class that it is ranked on the right side of.
    v_positive = (ranks[:m] - rankdata(positives)) / n
    v_negative = 1 - (ranks[m:] - rankdata(negatives)) / m
    if m < 2 or n < 2:
        return RocAuc(area, None)
    variance = float(v_positive.var(ddof=1) / m + v_negative.var(ddof=1) / n)
    return RocAuc(area, math.sqrt(variance))


def bootstrap_weights(
    num_examples: int, *, num_resamples: int = 1000, seed: int = 0
) -> "Iterable[NDArray[np.int64]]":
    """Yield arrays (up to 100, n): how often each example occurs in each resample.

    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 6. Drawing n of n with
    replacement is a multinomial, so a statistic of summed counts is one matrix product. The draw
    is a function of (n, number of resamples, seed) alone; in hundreds, because 1,000 resamples of
    COCO's 40,504 images would fill 324 MB.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    shares = np.full(num_examples, 1 / num_examples)
    for start in range(0, num_resamples, 100):
        yield generator.multinomial(num_examples, shares, size=min(100, num_resamples - start))


class GroupMean(NamedTuple):
    mean: float
    num_examples: int
    standard_error: float | None


def breakdown(
    per_example: Mapping[str, float], examples: Iterable[Example], *, key: str
) -> dict[str, GroupMean]:
    """Return the mean score of each value of `Example.metadata[key]`, values sorted.

    `examples` are those that were scored, or more. This is the official VQA script's
    "perAnswerType" for `key="answer_type"`.

    Raises:
        ValueError: a scored example is not among `examples` or has no such metadata.
    """
    values = {example.id: example.metadata.get(key) for example in examples}
    lost = [example_id for example_id in per_example if values.get(example_id) is None]
    if lost:
        raise ValueError(f"no {key!r} in the metadata of {len(lost)} examples, first {lost[0]!r}")
    groups: dict[str, list[float]] = {}
    for example_id, score in per_example.items():
        groups.setdefault(str(values[example_id]), []).append(score)
    return {
        value: GroupMean(math.fsum(scores) / len(scores), len(scores), mean_standard_error(scores))
        for value, scores in sorted(groups.items())
    }
