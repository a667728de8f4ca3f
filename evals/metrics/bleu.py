"""Corpus BLEU (Papineni et al. 2002) by pycocoevalcap, with a bootstrap over images.

BLEU is one formula over summed counts, so it has no score of an image whose mean it would be: its
standard error comes from resampling the images' counts (Koehn 2004, "Statistical Significance
Tests for Machine Translation Evaluation").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.stats import Spread, bootstrap_weights, measure_spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_N = 4
_TINY, _SMALL = 1e-15, 1e-9
"""pycocoevalcap's guards against 0 / 0."""


@dataclass(frozen=True, slots=True)
class Bleu:
    """BLEU-1 to BLEU-4, in 0..1."""

    values: list[float]
    spreads: list[Spread] | list[None]
    """Over resampled images."""


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Bleu:
    """Score tokenised captions; the reference length is the closest one, as on the COCO server."""
    import numpy as np

    counts = image_counts(hypotheses, references)
    values = bleu_of_counts(counts.sum(axis=0, keepdims=True))[0].tolist()
    if len(counts) < 2:
        return Bleu(values, [None] * _MAX_N)
    resampled = np.concatenate(
        [bleu_of_counts(weights @ counts) for weights in bootstrap_weights(len(counts))]
    )
    return Bleu(values, [measure_spread(column) for column in resampled.T])


def image_counts(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> "NDArray[np.float64]":
    """Return what BLEU sums, (images, 10): see `bleu_of_counts`; pycocoevalcap counts."""
    import numpy as np
    from pycocoevalcap.bleu.bleu_scorer import cook_refs, cook_test

    cooked = [
        cook_test(hypothesis, cook_refs(refs, n=_MAX_N), eff="closest", n=_MAX_N)
        for hypothesis, refs in zip(hypotheses, references, strict=True)
    ]
    rows = [[c["testlen"], c["reflen"], *c["guess"], *c["correct"]] for c in cooked]
    return np.array(rows, dtype=np.float64)


def bleu_of_counts(counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return BLEU-1..4, (b, 4), of summed counts (b, 10), as pycocoevalcap's BleuScorer does.

    A row holds the hypotheses' length, the closest references' length, and for n = 1..4 the number
    of n-grams and of those that match.
    """
    import numpy as np

    length, reference_length = counts[:, 0], counts[:, 1]
    guessed, correct = counts[:, 2 : 2 + _MAX_N], counts[:, 2 + _MAX_N :]
    precision = np.cumprod((correct + _TINY) / (guessed + _SMALL), axis=1)
    bleu = precision ** (1 / np.arange(1, _MAX_N + 1))
    ratio = (length + _TINY) / (reference_length + _SMALL)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / np.minimum(ratio, 1)), 1.0)
    return np.asarray(bleu * brevity[:, np.newaxis])
