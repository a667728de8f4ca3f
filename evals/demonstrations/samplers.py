"""Samplers: for a query, every support example in the order in which it would be shown.

An order is a pure function of (seed, query id, support set): the random numbers are drawn from a
generator seeded by name, so limit, file order, batch size, sharding and resume cannot move it
(peers draw from one global stream, and do). A k-shot prompt takes the first k of the order, so
shots nest.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from evals.errors import ConfigError, PictureError
from evals.types import Example

T = TypeVar("T")

Ranking = Callable[[Example], Iterator[Example]]
"""Query -> support examples, the one to show first first."""


def draw_support_set(
    examples: Sequence[Example], *, num_support: int | None, seed: int
) -> tuple[Example, ...]:
    """Return `num_support` examples drawn by the seed (all with `None`), sorted by id.

    The papers draw 2,048 from the training split. A smaller split is taken whole.
    """
    ordered = sorted(examples, key=lambda example: example.id)
    if num_support is None or num_support >= len(ordered):
        return tuple(ordered)
    drawn = shuffle(ordered, random.Random(f"support set {seed}"))
    return tuple(sorted((next(drawn) for _ in range(num_support)), key=lambda example: example.id))


def order_randomly(support: Sequence[Example], seed: int) -> Ranking:
    """Another order for each query."""
    return lambda query: shuffle(support, random.Random(f"demonstrations {seed} {query.id}"))


def fix_order(support: Sequence[Example], seed: int) -> Ranking:
    """One order for all queries."""
    return lambda query: shuffle(support, random.Random(f"fixed demonstrations {seed}"))


def balance_labels(support: Sequence[Example], seed: int) -> Ranking:
    """Labels take turns, in an order drawn for each round and query.

    So k demonstrations of c labels show each one k/c times, rounded up or down, while every label
    has examples left. Examples on the query's picture leave before the labels take their turns:
    dropped afterwards, they would tilt the balance against the query's own label.

    Raises:
        ConfigError: a support example has no label.
    """
    by_label: dict[int, list[Example]] = defaultdict(list)
    for example in support:
        if example.label is None:
            raise ConfigError(
                f"demonstrations.sampler=balanced needs labels, and support example {example.id} "
                "has none; use random"
            )
        by_label[example.label].append(example)

    def rank(query: Example) -> Iterator[Example]:
        generator = random.Random(f"balanced demonstrations {seed} {query.id}")
        queues = [
            (
                example
                for example in shuffle(by_label[label], generator)
                if not shows_same_picture(example, query)
            )
            for label in sorted(by_label)
        ]
        while queues:
            for queue in shuffle(tuple(queues), generator):
                if (example := next(queue, None)) is None:
                    queues.remove(queue)
                else:
                    yield example

    return rank


def shows_same_picture(shown: Example, query: Example) -> bool:
    """Return whether a support example would show the query's own picture (same bytes).

    A picture that cannot be read is like no other: whoever shows it will say so.
    """
    if shown.image is None or query.image is None:
        return False
    try:
        return shown.image == query.image
    except PictureError:
        return False


def shuffle(values: Sequence[T], generator: random.Random) -> Iterator[T]:
    """Yield the values in random order, drawing only as far as it is read (Fisher-Yates).

    `random.sample` gives other values for another k and promises nothing across Python versions;
    `random()` of a string-seeded generator is stable.
    """
    moved: dict[int, int] = {}
    for last in range(len(values) - 1, -1, -1):
        index = int(generator.random() * (last + 1))
        yield values[moved.get(index, index)]
        moved[index] = moved.pop(last, last)
