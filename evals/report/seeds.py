"""Several seeds in one cell of a table: their mean, its error, and where the error comes from."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from evals.query_scores import QueryScore, list_parts
from evals.stats import SeedSplit, split_seeds
from evals.summary import RunSummary

ReadQueries = Callable[[RunSummary], Iterable[QueryScore]]


def split_runs(runs: Sequence[RunSummary], score: str, read: ReadQueries) -> SeedSplit | None:
    """Take apart the error of a score's mean over runs that differ in their seed alone.

    `None` where the queries do not tell: a score of the whole (BLEU), a single picture, or runs
    that did not answer the same queries.
    """
    table: list[list[float]] = []
    known: list[str] = []
    pictures: list[str] = []
    for run in runs:
        queries = list(read(run))
        parts = list_parts(score, queries)
        if parts is None:
            return None
        ids = [query.id for query in queries]
        if table and ids != known:
            return None
        known, pictures = ids, [query.picture for query in queries]
        table.append(parts)
    return split_seeds(table, pictures) if len(set(pictures)) > 1 else None


def add_errors(values: Sequence[float], errors: Sequence[float | None]) -> float | None:
    """Return the standard error of a mean over seeds where single queries are not known.

    The queries' error, which the seeds share (the root mean square of the runs' own), and that of
    the seeds (standard deviation / sqrt(seeds)), squared and added. Too large by what changes with
    the demonstrations of single queries, which is in both.
    """
    known = [error for error in errors if error is not None]
    if len(values) == 1:
        return known[0] if known else None
    of_seeds = statistics.variance(values) / len(values)
    of_queries = statistics.fmean(error**2 for error in known) if known else 0.0
    return math.sqrt(of_seeds + of_queries)
