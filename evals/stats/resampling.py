"""Numbers drawn again: the bootstrap, and signs flipped at random."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evals.stats.means import LEVEL, Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_FLIPS = 9_999
AT_ONCE = 100


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
    for start in range(0, num_resamples, AT_ONCE):
        yield generator.multinomial(num_examples, shares, size=min(AT_ONCE, num_resamples - start))


class Spread(NamedTuple):
    """Of a statistic over resamples."""

    standard_error: float
    interval: Interval
    """95 %: between percentiles."""


def measure_spread(resampled: "NDArray[np.float64]") -> Spread:
    """Return the standard deviation and the percentiles of a statistic's resamples (b,)."""
    import numpy as np

    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Spread(float(resampled.std(ddof=1)), Interval(low, high))


def bootstrap_mean(values: Sequence[float]) -> Spread | None:
    """Return the spread of a mean over resampled values; `None` of fewer than two values."""
    import numpy as np

    if len(values) < 2:
        return None
    array = np.asarray(values, dtype=np.float64)
    means = [weights @ array / len(array) for weights in bootstrap_weights(len(array))]
    return measure_spread(np.concatenate(means))


def flip_signs(differences: Sequence[float], *, num_flips: int = NUM_FLIPS, seed: int = 0) -> float:
    """Return the two-sided p-value that the differences' sum is zero, by flipping their signs.

    Were there no difference, each would be as likely with the other sign (Fisher 1935; Good,
    "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, section 3.2). As what was
    observed is one of the arrangements, p is (1 + those at least as far off) / (1 + `num_flips`).
    A difference of zero has no sign and takes no part.

    Args:
        differences: of each cluster.
        num_flips: arrangements that are drawn.
        seed: of the draw.
    """
    import numpy as np

    values = np.array([value for value in differences if value], dtype=np.float64)
    observed = abs(values.sum())
    # What differs by rounding alone is as far off.
    limit = observed - 1e-12 * np.abs(values).sum()
    generator = np.random.default_rng(seed)
    count = 1
    for start in range(0, num_flips, AT_ONCE):
        shape = (min(AT_ONCE, num_flips - start), len(values))
        flipped = generator.integers(0, 2, size=shape, dtype=np.int8) @ (2 * values) - values.sum()
        count += int((np.abs(flipped) >= limit).sum())
    return count / (num_flips + 1)
