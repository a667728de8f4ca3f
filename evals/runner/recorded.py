"""Whether a folder's recorded answers are answers to what would be asked now.

A record has the hash of the prompt that it answers, pictures included. The prompts of some records
are worded again whenever a folder is continued, those of all where its pictures may be others.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from evals.demonstrations import Plan
from evals.errors import PictureError, ResultsError
from evals.records import Record, read_records
from evals.runner.loading import Run
from evals.runner.prompting import make_asking
from evals.runner.requests import hash_again, word_once
from evals.runner.session import Session

NUM_CHECKED = 8
"""Records whose prompts are worded again where nothing speaks against them."""


class OtherPromptsError(ResultsError):
    """A run folder's answers are answers to other prompts."""


def check_records(
    run_dir: Path, run: Run, plan: Plan, session: Session, *, num_records: int, check_all: bool
) -> None:
    """Compare the prompts of recorded answers with those that would be asked now.

    Args:
        run_dir: the folder.
        run: what is asked now.
        plan: of all recorded queries.
        session: of the call.
        num_records: that the folder has.
        check_all: every record, not only `NUM_CHECKED` spread over them.

    Raises:
        OtherPromptsError: one differs; the first is named.
    """
    every = 1 if check_all else max(1, num_records // NUM_CHECKED)
    asking = make_asking(run, plan, session, room=0)
    word = word_once(asking)
    queries = {query.id: query for query in run.split.examples}
    records: Iterator[Record] = islice(read_records(run_dir), 0, None, every)
    if check_all:
        records = session.progress.track(records, "recorded prompts", total=num_records)
    for record in records:
        if record.id not in queries:
            raise OtherPromptsError(
                f"run_dir={run_dir} holds an answer to query {record.id!r:.100}, and "
                f"{run.settings.split} has no such query; choose another folder"
            )
        try:
            digest = hash_again(
                queries[record.id],
                plan[record.id].demonstrations,
                asking,
                word,
                num_dropped=len(record.dropped),
            )
            reason = "it shows other pictures or has other words now"
        except PictureError as error:
            digest, reason = "", str(error)
        if digest != record.prompt_sha256:
            image = queries[record.id].image
            shown = ", ".join(record.demonstrations) or "none"
            raise OtherPromptsError(
                f"run_dir={run_dir} holds answers to other prompts: that of query {record.id} "
                f"(picture {image}, demonstrations {shown}): {reason}; choose another folder, or "
                "give the data that it was answered from"
            )
