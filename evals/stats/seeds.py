"""Several seeds of one run: how much of the error comes from demonstrations, how much from queries.

Each seed shows other demonstrations for the same queries: a table of seeds by queries. A score in
it is the sum of a mean, what all queries of its seed have in common, what all seeds of its query
have in common, and the rest: a two-way layout of random effects without repetition (Searle,
Casella and McCulloch, "Variance Components", 1992, section 4.3). The query's part is the queries'
own; the seed's part and the rest change with the demonstrations. Variances of means over queries
are clustered by picture, as those of a single run are (evals.stats.means).
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from evals.stats.means import mean_standard_error


class SeedSplit(NamedTuple):
    """Where the error of a mean over seeds and queries comes from, in the score's unit."""

    mean: float
    standard_error: float
    """Of the mean, seeds and queries both taken as drawn from many; the next two squared and
    added."""
    of_queries: float
    """What would be left of it with endlessly many seeds."""
    of_demonstrations: float
    """What would be left of it with endlessly many queries alike, at so many seeds."""
    one_seed: float
    """The standard error that one seed alone would have."""
    std: float
    """Standard deviation between the seeds' means, as papers print it."""


def split_seeds(
    scores: Sequence[Sequence[float]], clusters: Sequence[Hashable] | None = None
) -> SeedSplit:
    """Take the error of the mean of scores (seeds, queries) apart.

    A component that comes out negative is none: the table is too small to show it.

    Args:
        scores: (seeds, queries), the queries of each seed in the same order.
        clusters: (queries,): which belong together; each by itself with `None`.

    Raises:
        ValueError: fewer than two seeds or clusters, or seeds with different numbers of queries.
    """
    num_seeds = len(scores)
    num_queries = len(scores[0]) if scores else 0
    if num_seeds < 2 or num_queries < 2:
        raise ValueError("a split needs two seeds and two queries")
    columns = [math.fsum(column) / num_seeds for column in zip(*scores, strict=True)]
    rows = [math.fsum(row) / num_queries for row in scores]
    mean = math.fsum(rows) / num_seeds
    of_columns = mean_standard_error(columns, clusters)
    of_rests = [
        mean_standard_error(
            [value - column - row + mean for value, column in zip(values, columns, strict=True)],
            clusters,
        )
        for values, row in zip(scores, rows, strict=True)
    ]
    if of_columns is None or None in of_rests:
        raise ValueError("a split needs two clusters of queries")
    between_seeds = math.fsum((row - mean) ** 2 for row in rows) / (num_seeds - 1)
    # The rests of a query sum to zero over its seeds: one degree of freedom less.
    rest = math.fsum(error**2 for error in of_rests if error) / (num_seeds - 1)
    of_seeds = max(0.0, between_seeds - rest)
    of_queries = max(0.0, of_columns**2 - rest / num_seeds)
    of_demonstrations = (of_seeds + rest) / num_seeds
    return SeedSplit(
        mean=mean,
        standard_error=math.sqrt(of_queries + of_demonstrations),
        of_queries=math.sqrt(of_queries),
        of_demonstrations=math.sqrt(of_demonstrations),
        one_seed=math.sqrt(of_queries + of_seeds + rest),
        std=math.sqrt(between_seeds),
    )
