"""CIDEr-D (Vedantam et al. 2015), to the last bit what pycocoevalcap's cider_scorer.py returns.

That script takes numpy's logarithm for every n-gram of every caption; here each number of images
has its weight once, and only n-grams that match are multiplied. What is added is added in the same
order. Its idf comes from the references of the images that are scored, or, where these are a sample
of a split, from those of the whole split: the sample's scores are then on the split's scale.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set

_MAX_N = 4
_SIGMA = 6.0
"""Of the penalty for another length."""

_Ngram = tuple[str, ...]
_Counts = Counter[_Ngram]
"""N-gram -> how often a caption has it, all of one n."""


def cider_per_image(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    split_references: Sequence[Sequence[str]] | None = None,
) -> list[float]:
    """Return each image's score, 0..10, from tokenised captions; their mean is the corpus score.

    Document frequencies, and the number of images that they are of, come from `split_references`
    (each image's of the whole split) where the images scored are a sample, else from `references`.
    """
    import numpy as np

    images = [
        (hypothesis.split(), [reference.split() for reference in refs])
        for hypothesis, refs in zip(hypotheses, references, strict=True)
    ]
    corpus = (
        None
        if split_references is None
        else [[reference.split() for reference in refs] for refs in split_references]
    )
    by_n = [_sum_similarities(images, corpus, n) for n in range(1, _MAX_N + 1)]
    return [
        float(np.mean(np.array(sums)) / len(refs) * 10.0)
        for *sums, (_, refs) in zip(*by_n, images, strict=True)
    ]


def _sum_similarities(
    images: Sequence[tuple[list[str], list[list[str]]]],
    corpus: Sequence[list[list[str]]] | None,
    n: int,
) -> list[float]:
    """Return each image's clipped cosine similarities of n-grams, summed over its references.

    An image is its hypothesis and its references, in words; the corpus is the references of all
    images that document frequencies are taken from, `None` for those of `images`.
    """
    counted = [[_count(words, n) for words in refs] for _, refs in images]
    if corpus is None:
        weights = _Weights(set().union(*of_refs) for of_refs in counted)
    else:
        weights = _Weights(
            {ngram for words in refs for ngram in _ngrams(words, n)} for refs in corpus
        )
    sums = []
    for (words, refs), of_refs in zip(images, counted, strict=True):
        hypothesis = _count(words, n)
        norm = weights.norm(hypothesis)
        of_hypothesis = [(ngram, weights.of(ngram, hypothesis[ngram])) for ngram in hypothesis]
        total = 0.0
        for reference, of_reference in zip(refs, of_refs, strict=True):
            similarity = 0.0
            for ngram, weight in of_hypothesis:
                if count := of_reference.get(ngram):
                    other = weights.of(ngram, count)
                    similarity += min(weight, other) * other
            if norms := norm * weights.norm(of_reference):
                similarity /= norms
            total += similarity * _penalise(_length(words) - _length(reference))
        sums.append(total)
    return sums


class _Weights:
    """How much an n-gram counts in a caption: how often it is there, times its idf."""

    def __init__(self, images: Iterable[Set[_Ngram]]) -> None:
        """Take document frequencies from images, each the n-grams of its references."""
        self._num_images = 0
        self._frequencies = _Counts()
        for ngrams in images:
            self._num_images += 1
            self._frequencies.update(ngrams)
        # Nearly every n-gram stands once in its caption.
        highest = max(self._frequencies.values(), default=0)
        self._once = [self._weigh(1, frequency) for frequency in range(highest + 1)]
        self._once_squared = [_square(weight) for weight in self._once]

    def of(self, ngram: _Ngram, count: int) -> float:
        frequency = self._frequencies[ngram]
        return self._once[frequency] if count == 1 else self._weigh(count, frequency)

    def norm(self, counts: _Counts) -> float:
        total = 0.0
        for ngram, count in counts.items():
            frequency = self._frequencies[ngram]
            if count == 1:
                total += self._once_squared[frequency]
            else:
                total += _square(self._weigh(count, frequency))
        return math.sqrt(total)

    def _weigh(self, count: int, frequency: int) -> float:
        # numpy's logarithm, not math's: the last bit may differ.
        import numpy as np

        idf = np.log(float(self._num_images)) - np.log(max(1.0, float(frequency)))
        return float(count * idf)


def _count(words: list[str], n: int) -> _Counts:
    return Counter(_ngrams(words, n))


def _ngrams(words: list[str], n: int) -> Iterator[_Ngram]:
    return zip(*(words[start:] for start in range(n)), strict=False)


def _square(weight: float) -> float:
    """Square as pycocoevalcap does: with `pow`, whose last bit need not be that of a product."""
    return float(pow(weight, 2))


def _length(words: list[str]) -> int:
    """Return the number of bigrams, which pycocoevalcap takes for a caption's length."""
    return max(0, len(words) - 1)


def _penalise(longer: int) -> float:
    """Return the factor for a hypothesis that is so much longer than the reference."""
    return float(math.e ** (-(float(longer) ** 2) / (2 * _SIGMA**2)))
