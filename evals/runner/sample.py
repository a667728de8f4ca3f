"""A random sample of a split's queries: whole pictures, drawn by a seed of its own.

Official files are sorted by picture or by source, so their first rows are no sample of them: no
interval around their score says anything of the whole. Of a sample one does (Cochran, Sampling
Techniques, 1977: cluster sampling, proportional strata, the finite population's correction).
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from evals.types import Example, Score


def draw_sample(examples: Sequence[Example], size: int, *, seed: int) -> tuple[Example, ...]:
    """Return a random sample of examples: all of each drawn picture, in file order.

    Pictures are drawn without replacement until there are `size` examples, so a few more may come.
    A larger sample of the same seed holds the smaller one, and the order of the examples does not
    matter. Where examples have labels, every label has its share of the pictures: the area under a
    ROC curve, and accuracy over classes, need both.

    Args:
        examples: of the split.
        size: how many are wanted, at least.
        seed: of the draw; not that of the demonstrations, so that runs with other demonstrations
            are compared on the same queries.
    """
    by_picture: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_picture[example.picture_id].append(example)
    drawn: set[str] = set()
    num_examples = 0
    for picture in _order_pictures(by_picture, seed):
        if num_examples >= size:
            break
        drawn.add(picture)
        num_examples += len(by_picture[picture])
    return tuple(example for example in examples if example.picture_id in drawn)


def count_pictures(examples: Iterable[Example]) -> int:
    """Return the number of pictures that examples are about."""
    return len({example.picture_id for example in examples})


def correct_error(score: Score, *, num_drawn: int, num_pictures: int) -> Score:
    """Return a sample's score with an error and interval about the whole split's score.

    Both are multiplied by the square root of 1 - drawn / all (pictures): the more of the split is
    drawn, the less of it is unknown. Strata are left out of account, which makes them no narrower
    than they are.
    """
    factor = math.sqrt(max(0.0, 1 - num_drawn / num_pictures))
    error, interval = score.standard_error, score.interval
    if score.value is None or error is None:
        return score
    if interval is not None:
        low, high = (score.value + factor * (end - score.value) for end in interval)
        interval = (low, high)
    return replace(score, standard_error=factor * error, interval=interval)


def _order_pictures(by_picture: dict[str, list[Example]], seed: int) -> list[str]:
    """Return the pictures in the order of the draw: labels take turns by their shares.

    The j-th of a label's n pictures stands at (j + u) / n, with u drawn for the label: any
    beginning of the order has of each label its share, give or take one.
    """
    strata: dict[str, list[str]] = defaultdict(list)
    for picture, examples in by_picture.items():
        labels = sorted({str(example.label) for example in examples})
        strata[" ".join(labels)].append(picture)
    placed: list[tuple[float, bytes, str]] = []
    for stratum, pictures in strata.items():
        start = int.from_bytes(_draw(f"stratum {seed} {stratum}")[:7]) / 2**56
        drawn = sorted((_draw(f"sample {seed} {picture}"), picture) for picture in pictures)
        for number, (digest, picture) in enumerate(drawn):
            placed.append(((number + start) / len(pictures), digest, picture))
    return [picture for _, _, picture in sorted(placed)]


def _draw(name: str) -> bytes:
    """Return random bytes of a name: a hash's, which are the same in any order and version."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
