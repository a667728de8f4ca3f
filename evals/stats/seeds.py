"""Several seeds of one run: how much comes from the demonstrations, how much from the queries.

Each seed shows other demonstrations for the same queries: a table of seeds by queries. Its
variance is taken apart as a two-way layout of random effects without repetition (Searle, Casella
and McCulloch, "Variance Components", 1992, section 4.3): what all queries of a seed have in
common, what all seeds of a query have in common, and the rest.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class SeedSplit(NamedTuple):
    mean: float
    standard_error: float
    """Of the mean over seeds and queries, both taken as drawn from many."""
    seeds: float
    """Standard deviation between seeds that would remain with endlessly many queries."""
    queries: float
    """Standard deviation between queries, averaged over demonstrations."""
    rest: float
    """Standard deviation of what belongs to one seed and one query: its demonstrations."""


def split_seeds(scores: Sequence[Sequence[float]]) -> SeedSplit:
    """Take the variance of scores (seeds, queries) apart.

    A component that comes out negative is none: the table is too small to show it.

    Raises:
        ValueError: fewer than two seeds or queries, or seeds with different numbers of queries.
    """
    num_seeds = len(scores)
    num_queries = len(scores[0]) if scores else 0
    if num_seeds < 2 or num_queries < 2:
        raise ValueError("a split needs two seeds and two queries")
    columns = [math.fsum(column) / num_seeds for column in zip(*scores, strict=True)]
    rows = [math.fsum(row) / num_queries for row in scores]
    mean = math.fsum(rows) / num_seeds
    seeds = num_queries * math.fsum((row - mean) ** 2 for row in rows) / (num_seeds - 1)
    queries = num_seeds * math.fsum((c - mean) ** 2 for c in columns) / (num_queries - 1)
    rest = math.fsum(
        (value - row - column + mean) ** 2
        for values, row in zip(scores, rows, strict=True)
        for value, column in zip(values, columns, strict=True)
    ) / ((num_seeds - 1) * (num_queries - 1))
    of_seeds = max(0.0, (seeds - rest) / num_queries)
    of_queries = max(0.0, (queries - rest) / num_seeds)
    variance = of_seeds / num_seeds + of_queries / num_queries + rest / (num_seeds * num_queries)
    return SeedSplit(mean, *map(math.sqrt, (variance, of_seeds, of_queries, rest)))
