"""One run: plan, answer what is not answered yet, score."""

import time
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evals.compose import OnError
from evals.config import TaskSettings, narrow_config, read_settings
from evals.demonstrations import Plan
from evals.errors import PictureError
from evals.identity import Identity
from evals.models.out_of_memory import explain_each
from evals.provenance import (
    describe_code,
    describe_data,
    describe_model,
    fingerprint_pictures,
)
from evals.records import read_failures, read_records, write_failures
from evals.runner.answering import answer
from evals.runner.failures import check_demonstrations, find_failures, list_all, list_shown
from evals.runner.identity import identify, list_folders
from evals.runner.loading import Run, load_run
from evals.runner.planning import make_plan
from evals.runner.prompting import make_asking
from evals.runner.recorded import OtherPromptsError, check_records
from evals.runner.requests import find_room
from evals.runner.session import Progress, Session
from evals.runner.summarising import summarise
from evals.store import PLAN, Doubt, FolderInUseError, RunFolder, read_answered, write_answered
from evals.summary import RunSummary, write_summary
from evals.types import Example, Image

ANSWERING = "while the model answered; what was answered is kept"


def run_all(session: Session) -> Iterator[tuple[Path, RunSummary]]:
    """Run every combination of tasks, shots and seeds of a call, one after another."""
    settings = session.settings
    for task in settings.tasks:
        for shots in settings.shots:
            for seed in settings.seeds:
                yield run_one(session, task, shots=shots, seed=seed)


def run_one(
    session: Session, task: TaskSettings, *, shots: int, seed: int
) -> tuple[Path, RunSummary]:
    """Make or finish one run; return its folder and summary.

    A finished run is scored again without loading the model. Queries that failed are tried again.

    Raises:
        ResultsError: `run_dir` holds another run, or answers to other prompts.
    """
    run = load_run(session, task, shots=shots, seed=seed, with_images=True)
    identity = identify(run, session)
    candidates = list_folders(run, identity, session)
    for run_dir in candidates[:-1]:
        with suppress(OtherPromptsError, FolderInUseError):
            return run_dir, _run_in(run_dir, run, identity, session)
    return candidates[-1], _run_in(candidates[-1], run, identity, session)


def _run_in(run_dir: Path, run: Run, identity: Identity, session: Session) -> RunSummary:
    config = narrow_config(session.settings, run.settings, shots=run.shots, seed=run.seed)
    with RunFolder(run_dir, identity, config) as folder:
        recorded = {record.id for record in read_records(run_dir)}
        if recorded:
            _check_recorded(run, folder, recorded, session)
        folder.adopt()
        pending = [query for query in run.queries if query.id not in recorded]
        before = read_failures(run_dir)
        failures = find_failures(pending, session)
        tried = recorded.union(query.id for query in pending)
        left = {id_: why for id_, why in before.items() if id_ not in tried} | failures
        if session.settings.on_error is OnError.record:
            write_failures(run_dir, before | failures)  # until the plan is made, which needs them
        plan = make_plan(
            *(run_dir / PLAN, run.plan, run.split, run.support.examples, session),
            wanted=tried,
            unreadable=failures,
            # A picture that was not there may be a demonstration's, too.
            anew=bool(before) or folder.doubt is not Doubt.NONE,
        )
        asked = [query for query in pending if query.id not in failures]
        check_demonstrations(run, plan, asked, session)
        if asked or not read_answered(run_dir):
            _answer(run, plan, asked, left, folder, session)
        if before:
            write_failures(run_dir, left)
        return _score(run, run_dir, session)


def _check_recorded(
    run: Run, folder: RunFolder, recorded: Collection[str], session: Session
) -> None:
    """Word recorded prompts again, with the plan that would be made now.

    Raises:
        OtherPromptsError: one differs.
    """
    certain = folder.doubt is Doubt.NONE
    with nullcontext(folder.path) if certain else TemporaryDirectory() as place:
        plan = make_plan(
            *(Path(place) / PLAN, run.plan, run.split, run.support.examples, session),
            wanted=recorded,
        )
        check_records(
            *(folder.path, run, plan, session), num_records=len(recorded), check_all=not certain
        )


def score_run(
    run_dir: Path, progress: Progress, paths: Mapping[str, str] | None = None
) -> RunSummary:
    """Score a run again from its records: no model, no pictures, no support split.

    Args:
        run_dir: the run folder.
        progress: of the call.
        paths: where its data are now (`data_dir`, ...), if they were moved. The summary says
            whether they are the data that it was answered from.

    Raises:
        ResultsError: the folder is no run, or queries are not answered.
    """
    settings = read_settings(run_dir, paths)
    session = Session(settings, progress)
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    run = load_run(session, task, shots=shots, seed=seed, with_images=False)
    return _score(run, run_dir, session)


def _answer(
    run: Run,
    plan: Plan,
    pending: Sequence[Example],
    failures: Container[str],
    folder: RunFolder,
    session: Session,
) -> None:
    """Record the answers, and what they were made from; of the failures there are none."""
    # Of a call that was stopped: its answers are kept, too.
    earlier = read_answered(folder.path).get("notes", [])
    answered: dict[str, Any] = {
        "notes": earlier,
        "code": describe_code(),
        "model": describe_model(session.model_info),
        "data": {"queries": describe_data(run.split), "support": describe_data(run.support)},
    }
    write_answered(folder.path, answered)
    if pending:
        answered |= _ask(run, plan, pending, folder, session, earlier)
    answered["pictures"] = {
        "num_queries": len(run.queries),
        **fingerprint_pictures(list_pictures(run, plan, failures)),
    }
    write_answered(folder.path, answered)


def _ask(
    run: Run,
    plan: Plan,
    pending: Sequence[Example],
    folder: RunFolder,
    session: Session,
    earlier: Sequence[str],
) -> dict[str, Any]:
    """Record the model's answers; return how it went, after what was noted earlier."""
    room = find_room(run.task, session.settings.protocol, session.model)
    asking = make_asking(run, plan, session, room=room)
    started, num_notes = time.monotonic(), len(session.model.notes)
    answers = answer(pending, plan, asking, session.model)
    records = explain_each(answers, session.settings.model, ANSWERING)
    description = f"{run.settings.name} {run.shots} shots"
    done = set()
    try:
        for record in session.progress.track(records, description, total=len(pending)):
            folder.append(record)
            done.add(record.id)
    except PictureError as error:
        left = [query for query in pending if query.id not in done]
        raise list_all(run, plan, left, session, error) from error
    return {
        "timing": {
            "seconds": round(time.monotonic() - started, 3),
            "answers": len(pending),
            "device": session.model_info.device,
        },
        "notes": [*earlier, *session.model.notes[num_notes:]],
    }


def list_pictures(run: Run, plan: Plan, failures: Container[str] = ()) -> Iterator[Image]:
    """Yield every picture that the run's prompts show, some more than once; not what failed."""
    queries = [query for query in run.queries if query.id not in failures]
    for example in (*queries, *list_shown(run, plan, queries)):
        if example.image is not None:
            yield example.image


def _score(run: Run, run_dir: Path, session: Session) -> RunSummary:
    with session.progress.wait(f"{run.settings.name} {run.shots} shots: scores"):
        summary = summarise(run, run_dir, session.settings)
    write_summary(run_dir, summary)
    return summary
