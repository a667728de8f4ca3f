"""One row a query: what was asked, what was answered, and what that scored."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evals.errors import ResultsError
from evals.query_scores import QueryScore, read_query_scores
from evals.records import Generated, Record, read_records
from evals.results.columns import RECORDS, describe_run, make_column, make_frame
from evals.results.finding import Where, find_runs
from evals.summary import read_scale, read_summary

if TYPE_CHECKING:
    import pandas as pd


def load_records(where: Where) -> "pd.DataFrame":
    """Return the queries of runs, one row each, in the order of their splits.

    Columns are those of evals.results.columns.RECORDS and `score_NAME` for each score; a mean of
    those is the run's score, save for scores of the whole (BLEU, ROC AUC), which have none.
    Queries that could not be asked have a row and no record.
    Answers beyond the limit that a run was scored with have no row. Token ids and the texts of
    prompts are not in it: records.jsonl has the ones, `evals prompts` makes the others.

    Args:
        where: as `load` takes it.

    Raises:
        ResultsError: there is no run, or one is not finished or was not scored.
    """
    rows: list[tuple[Any, ...]] = []
    scores: list[Mapping[str, float]] = []
    lower: dict[str, None] = {}
    for folder in find_runs(where):
        summary = read_summary(folder)
        keys = describe_run(folder.resolve().name, summary)
        lower |= dict.fromkeys(
            f"score_{name}"
            for name, score in summary.scores.items()
            if not read_scale(score).higher_is_better
        )
        answers = {record.id: _describe_answer(record) for record in read_records(folder)}
        for query in read_query_scores(folder):
            if query.failed:
                rows.append((*keys, *_describe_query(query), *_NO_RECORD))
                scores.append(query.scores)
                continue
            if query.id not in answers:
                raise ResultsError(
                    f"{folder}: query {query.id} has a score and no record; `evals score {folder}` "
                    "scores the records that are there"
                )
            rows.append((*keys, *_describe_query(query), *answers[query.id]))
            scores.append(query.scores)
    frame = make_frame(rows, RECORDS)
    for name in dict.fromkeys(name for each in scores for name in each):
        frame[f"score_{name}"] = make_column((each.get(name) for each in scores), "float64")
    frame.attrs["lower_is_better"] = [name for name in lower if name in frame]
    return frame


_NO_RECORD = (None,) * 9
"""Of a query that could not be asked."""


def _describe_query(query: QueryScore) -> tuple[Any, ...]:
    return (
        query.id,
        query.picture,
        query.answer,
        query.label,
        query.choice,
        query.probabilities or None,
    )


def _describe_answer(record: Record) -> tuple[Any, ...]:
    """Return a record's values without its token ids, which are most of it."""
    response = record.response
    generated: tuple[Any, ...] = (None,) * 4
    ranked = None
    if isinstance(response, Generated):
        length = len(response.token_ids)
        generated = (response.text, response.finish_reason, response.logprob, length)
    else:
        ranked = response.logprobs
    return (
        *generated,
        ranked,
        record.num_prompt_tokens,
        record.demonstrations,
        record.dropped,
        record.prompt_sha256,
    )
