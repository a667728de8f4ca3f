"""The columns of the frames, which do not depend on what the runs hold.

Words are strings, counts that may be missing `Int64`, numbers that may be missing `float64`. What a
run does not have is missing (NA, NaN), never 0 or "".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.summary import RunSummary

if TYPE_CHECKING:
    import pandas as pd

RUN: Mapping[str, str] = {
    "run": "string",  # the folder's name
    "hash": "string",  # of what the answers depend on
    "task": "string",
    "benchmark": "string",  # the task's name among the published numbers
    "split": "string",
    "model": "string",
    "protocol": "string",
    "shots": "int64",
    "seed": "int64",
}
"""Which run a row is of: every frame begins with these."""

SCORES: Mapping[str, str] = {
    **RUN,
    "score": "string",  # missing of a split whose answers a server holds
    "is_headline": "bool",  # the score that the protocol's paper prints
    "value": "float64",  # the natural one
    "standard_error": "float64",
    "low": "float64",  # of the 95 % interval
    "high": "float64",
    "printed": "float64",  # the value as papers print it
    "printed_error": "float64",
    "unit": "string",  # points: printed times 100; plain: printed as it is
    "higher_is_better": "boolean",  # False of an error rate, a rank
    "num_queries": "int64",
    "num_pictures": "Int64",
    "num_split": "int64",  # examples in the split; more than num_queries under a limit
    "sample": "Int64",  # queries asked for at random; missing of a limit and of the whole split
    "sample_seed": "Int64",
    "num_official": "Int64",  # examples that the split officially has
    "num_dropped": "int64",  # queries whose prompt lost demonstrations to the length limit
    "num_failures": "int64",  # queries with an unreadable picture, scored as wrong
    "note": "string",  # why there is no value
    "metric": "string",
    "metric_version": "Int64",
    "kind": "string",  # vqa, caption, classify
    "task_version": "int64",
    "is_mini": "bool",  # a made benchmark, not the real one
    "support_split": "string",
    "sampler": "string",
    "num_support": "Int64",  # missing of a support set that is the whole split
    "protocol_changes": "string",  # joined by ", "; missing of one as shipped, and of one's own
    "checkpoint": "string",
    "fingerprint": "string",  # of the checkpoint's files
    "dtype": "string",
    "commit": "string",  # of the code that the answers were made with
    "prompts_sha256": "string",  # equal where every query got the same prompt
    "folder": "string",
}

BREAKDOWNS: Mapping[str, str] = {
    **RUN,
    "score": "string",
    "key": "string",  # answer_type
    "part": "string",  # number
    "value": "float64",
    "printed": "float64",
    "unit": "string",
    "higher_is_better": "boolean",
    "num_examples": "int64",
}

RECORDS: Mapping[str, str] = {
    **RUN,
    "id": "string",
    "picture": "string",  # queries on one picture are no independent draws
    "answer": "string",  # after the protocol's truncation
    "label": "Int64",  # of closed sets: which choice is right
    "choice": "Int64",  # the model's
    "probabilities": "object",  # a tuple, one of each choice
    "text": "string",  # before truncation; missing of closed sets
    "finish_reason": "string",  # eos, stop, length
    "logprob": "float64",  # of the text
    "num_new_tokens": "Int64",
    "choice_logprobs": "object",  # (orders, choices): sums over each choice's tokens
    "num_prompt_tokens": "Int64",  # missing, as all of the record, where nothing could be asked
    "demonstrations": "object",  # a tuple of support ids, in prompt order
    "dropped": "object",  # those that the length limit left no room for
    "prompt_sha256": "string",
}
"""Then a float64 column `score_NAME` for each score that has a value for each query; the frame's
`attrs["lower_is_better"]` names those of which less is better."""


def describe_run(name: str, run: RunSummary) -> tuple[str | int | None, ...]:
    """Return a run's values of the `RUN` columns."""
    return (
        name,
        run.hash,
        run.task,
        run.benchmark or None,
        run.split,
        run.model,
        run.protocol,
        run.shots,
        run.seed,
    )


def make_column(values: Iterable[Any], dtype: str) -> "pd.Series[Any]":
    """Return a column; strings are Python's own, which may hold half a surrogate pair."""
    import pandas as pd

    kind = pd.StringDtype("python") if dtype == "string" else dtype
    return pd.Series(list(values), dtype=kind)


def make_frame(rows: Sequence[Sequence[Any]], columns: Mapping[str, str]) -> "pd.DataFrame":
    """Return a frame of rows that have a value for each of these columns."""
    import pandas as pd

    by_column = zip(*rows, strict=True) if rows else [[] for _ in columns]
    pairs = zip(columns.items(), by_column, strict=True)
    return pd.DataFrame({name: make_column(values, dtype) for (name, dtype), values in pairs})
