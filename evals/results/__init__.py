"""Runs as pandas frames: one row a score, one row a query.

    from evals.results import load, load_records

    scores = load("results/runs/*")
    scores[scores["is_headline"]].pivot_table("printed", ["model", "shots"], "benchmark")
    queries = load_records("results/runs/okvqa-*")
    queries[queries["score_official"] == 0].sample(10)

`evals.plotting` has the results table as a frame, published numbers beside the runs.
"""

from evals.results.finding import Where, find_runs
from evals.results.records import load_records
from evals.results.scores import load, load_breakdowns

__all__ = ["Where", "find_runs", "load", "load_breakdowns", "load_records"]
