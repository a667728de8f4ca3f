"""Samplers: fair, nested, and functions of (seed, query id, support set) alone."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from evals.demonstrations import (
    Ranking,
    balance_labels,
    draw_support_set,
    fix_order,
    order_randomly,
)
from evals.demonstrations.samplers import shows_same_picture
from evals.errors import ConfigError
from evals.types import Example, Image

Sampler = Callable[[Sequence[Example], int], Ranking]
SAMPLERS: tuple[Sampler, ...] = (order_randomly, fix_order, balance_labels)


def support_of(size: int, *, num_labels: int = 2) -> tuple[Example, ...]:
    examples = [Example(f"s{n}", Image(b"s%d" % n), label=n % num_labels) for n in range(size)]
    return draw_support_set(examples, num_support=None, seed=0)


def query(query_id: str = "q", picture: bytes = b"query") -> Example:
    return Example(query_id, Image(picture))


def ids(examples: Iterator[Example], num: int | None = None) -> list[str]:
    return [example.id for example in islice(examples, num)]


# ------------------------------------------------------------------------- properties


@pytest.mark.parametrize("sampler", SAMPLERS)
@given(size=st.integers(0, 40), seed=st.integers(), name=st.text("abc\n é", max_size=3))
def test_an_order_shows_every_support_example_once(
    sampler: Sampler, size: int, seed: int, name: str
) -> None:
    support = support_of(size, num_labels=3)
    order = ids(sampler(support, seed)(query(name)))
    assert sorted(order) == [example.id for example in support]


@pytest.mark.parametrize("sampler", SAMPLERS)
@given(size=st.integers(1, 40), read=st.integers(0, 40), others=st.integers(0, 3))
def test_an_order_moves_neither_by_how_far_it_is_read_nor_by_other_queries(
    sampler: Sampler, size: int, read: int, others: int
) -> None:
    ranking = sampler(support_of(size), 7)
    whole = ids(ranking(query()))
    for number in range(others):
        ids(ranking(query(f"other {number}")), read)
    assert ids(ranking(query()), read) == whole[:read]


@given(
    st.sets(st.integers(0, 99), min_size=1).flatmap(lambda s: st.permutations(sorted(s))),
    st.one_of(st.none(), st.integers(0, 120)),
    st.integers(),
)
def test_a_drawn_support_set_is_sorted_and_ignores_the_order_of_the_file(
    numbers: list[int], num_support: int | None, seed: int
) -> None:
    examples = [Example(str(number), None) for number in numbers]
    drawn = draw_support_set(examples, num_support=num_support, seed=seed)
    in_file_order = sorted(examples, key=lambda example: int(example.id))
    assert drawn == draw_support_set(in_file_order, num_support=num_support, seed=seed)
    drawn_ids = [example.id for example in drawn]
    assert drawn_ids == sorted(set(drawn_ids))
    assert len(drawn) == (len(numbers) if num_support is None else min(num_support, len(numbers)))


@given(
    st.lists(st.integers(6, 12), min_size=1, max_size=4),
    st.integers(),
    st.text(max_size=2),
    st.integers(0, 3),
)
def test_balanced_is_balanced_at_every_number_of_shots(
    sizes: list[int], seed: int, name: str, own: int
) -> None:
    """Also where support examples on the query's own picture are left out."""
    support = [
        Example(f"{label} {n}", Image(b"%d %d" % (label, n)), label=label)
        for label, size in enumerate(sizes)
        for n in range(size)
    ]
    asked = query(name, b"%d 0" % min(own, len(sizes) - 1))
    order = balance_labels(support, seed)(asked)
    shown: Counter[int | None] = Counter(dict.fromkeys(range(len(sizes)), 0))
    for example in islice(order, 5 * len(sizes)):
        assert not shows_same_picture(example, asked)
        shown[example.label] += 1
        assert max(shown.values()) - min(shown.values()) <= 1, shown


def test_balanced_goes_on_with_the_labels_that_are_left() -> None:
    support = [Example(str(n), None, label=0 if n < 3 else 1) for n in range(10)]
    order = list(balance_labels(support, 0)(query()))
    assert len(order) == 10
    assert Counter(example.label for example in order[:6]) == {0: 3, 1: 3}
    assert {example.label for example in order[6:]} == {1}


def test_balanced_without_labels_is_an_error_that_names_the_example() -> None:
    support = [Example("a", None, label=1), Example("b", None)]
    with pytest.raises(ConfigError, match=r"balanced needs labels, and support example b has none"):
        balance_labels(support, 0)


def test_random_orders_differ_by_query_and_seed_and_fixed_ones_by_seed_alone() -> None:
    support = support_of(30)
    random = [ids(order_randomly(support, s)(query(q))) for s in (0, 1) for q in ("a", "b")]
    fixed = [ids(fix_order(support, s)(query(q))) for s in (0, 1) for q in ("a", "b")]
    balanced = [ids(balance_labels(support, s)(query(q))) for s in (0, 1) for q in ("a", "b")]
    assert len({tuple(order) for order in (*random, *balanced)}) == 8
    assert fixed[0] == fixed[1] != fixed[2] == fixed[3]


# ------------------------------------------------------------------------- fairness

NUM_SUPPORT, NUM_QUERIES, SHOTS = 50, 3000, 4
# 26 checks below: the chance that an honest sampler fails any of them is at most 26 * 1e-8.
FALSE_ALARM = 1e-8


def is_uniform(counts: Counter[object], num_cells: int) -> bool:
    """Pearson's chi-square test of equal cell probabilities."""
    expected = counts.total() / num_cells
    assert expected >= 5, "too few draws for the chi-square approximation"
    squares = sum((count - expected) ** 2 for count in counts.values())
    squares += (num_cells - len(counts)) * expected**2
    return bool(chi2.sf(squares / expected, num_cells - 1) > FALSE_ALARM)


def is_fair(ranking: Ranking, support: Sequence[Example]) -> bool:
    """Each place shows each support example equally often, the first two places each pair."""
    orders = [ids(ranking(query(str(n))), SHOTS) for n in range(NUM_QUERIES)]
    places = [Counter[object](order[place] for order in orders) for place in range(SHOTS)]
    pairs = Counter[object](tuple(int(i[1:]) % 10 for i in order[:2]) for order in orders)
    # Ids in ten groups of five: a pair within a group has 5 * 4 ways, one across has 5 * 5.
    within = Counter({pair: n for pair, n in pairs.items() if len(set(pair)) == 1})  # type: ignore[arg-type]
    across = pairs - within
    return (
        all(is_uniform(place, len(support)) for place in places)
        and is_uniform(within, 10)
        and is_uniform(across, 90)
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_covers_the_support_set_uniformly(seed: int) -> None:
    support = support_of(NUM_SUPPORT)
    assert is_fair(order_randomly(support, seed), support)


def test_the_uniformity_test_finds_a_sampler_that_favours_its_first_examples() -> None:
    support = support_of(NUM_SUPPORT)
    fair = order_randomly(support, 0)

    def favour(asked: Example) -> Iterator[Example]:
        order = list(fair(asked))
        if int(asked.id) % 10 == 0:  # in a tenth of the queries, one of the first ten leads
            order.sort(key=lambda example: example not in support[:10])
        return iter(order)

    assert not is_fair(favour, support)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_balanced_is_uniform_over_labels_first_and_over_examples(seed: int) -> None:
    support = support_of(NUM_SUPPORT)
    ranking = balance_labels(support, seed)
    firsts = [next(ranking(query(str(n)))) for n in range(NUM_QUERIES)]
    assert is_uniform(Counter(example.label for example in firsts), 2)
    assert is_uniform(Counter(example.id for example in firsts), NUM_SUPPORT)


def test_drawn_support_sets_and_fixed_demonstrations_are_uniform_over_seeds() -> None:
    examples = support_of(NUM_SUPPORT)
    drawn: Counter[object] = Counter()
    fixed: Counter[object] = Counter()
    for seed in range(2000):
        drawn.update(e.id for e in draw_support_set(examples, num_support=1, seed=seed))
        fixed.update(ids(fix_order(examples, seed)(query()), 1))
    assert is_uniform(drawn, NUM_SUPPORT)
    assert is_uniform(fixed, NUM_SUPPORT)


# ------------------------------------------------------------------------- stability

PINNED_SCRIPT = """
from itertools import islice
from evals.demonstrations import balance_labels, draw_support_set, fix_order, order_randomly
from evals.types import Example
examples = [Example(str(n), None, label=n % 2) for n in range(100)]
support = draw_support_set(examples, num_support=20, seed=42)
query = Example("262148000", None)
print(*(e.id for e in support))
for sampler in (order_randomly, fix_order, balance_labels):
    print(*(e.id for e in islice(sampler(support, 42)(query), 8)))
"""
PINNED = """\
10 21 25 26 31 37 53 56 57 63 65 67 71 73 74 75 90 91 93 98
25 53 37 21 56 74 93 57
57 65 75 21 90 71 93 98
21 90 26 73 98 37 67 10"""


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_orders_are_the_same_in_every_process_and_release(hash_seed: str) -> None:
    """Pinned: to change these is to change every random few-shot number that was ever made."""
    answer = subprocess.run(
        [sys.executable, "-c", PINNED_SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert answer.stdout.strip() == PINNED
