"""One run: plan, answer what is not answered yet, score."""

import time
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

from evals.compose import OnError
from evals.config import TaskSettings, narrow_config, read_settings
from evals.demonstrations import Plan
from evals.errors import PictureError
from evals.provenance import (
    describe_code,
    describe_data,
    describe_model,
    fingerprint_data,
    fingerprint_pictures,
    label_model,
)
from evals.records import read_failures, read_records, write_failures
from evals.runner.answering import answer
from evals.runner.failures import check_demonstrations, find_failures, list_all, list_shown
from evals.runner.loading import Run, load_run
from evals.runner.planning import make_plan
from evals.runner.prompting import make_asking
from evals.runner.requests import find_room
from evals.runner.session import Progress, Session
from evals.runner.summarising import summarise
from evals.store import (
    PLAN,
    RunFolder,
    hash_identity,
    name_run,
    read_answered,
    write_answered,
)
from evals.summary import RunSummary, write_summary
from evals.types import Example, Image

RUNS_DIR = Path("results") / "runs"


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
    """
    run = load_run(session, task, shots=shots, seed=seed, with_images=True)
    identity = identify(run, session)
    run_dir = _choose_dir(run, session, hash_identity(identity))
    config = narrow_config(session.settings, task, shots=shots, seed=seed)
    with RunFolder(run_dir, identity, config) as folder:
        recorded = {record.id for record in read_records(run_dir)}
        pending = [query for query in run.queries if query.id not in recorded]
        before = read_failures(run_dir)
        failures = find_failures(pending, session)
        tried = recorded.union(query.id for query in pending)
        left = {id_: why for id_, why in before.items() if id_ not in tried} | failures
        if session.settings.on_error is OnError.record:
            write_failures(run_dir, before | failures)  # until the plan is made, which needs them
        plan = make_plan(
            *(run_dir / PLAN, run.plan, run.queries, run.support.examples, session),
            unreadable=failures,
            anew=bool(before),  # a picture that was not there may be a demonstration's, too
        )
        asked = [query for query in pending if query.id not in failures]
        check_demonstrations(run, plan, asked, session)
        if asked or not read_answered(run_dir):
            _answer(run, plan, asked, left, folder, session)
        if before:
            write_failures(run_dir, left)
        return run_dir, _score(run, run_dir, session)


def score_run(run_dir: Path, progress: Progress) -> RunSummary:
    """Score a run again from its records: no model, no pictures, no support split.

    Raises:
        ResultsError: the folder is no run, or queries are not answered.
    """
    settings = read_settings(run_dir)
    session = Session(settings, progress)
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    run = load_run(session, task, shots=shots, seed=seed, with_images=False)
    return _score(run, run_dir, session)


def identify(run: Run, session: Session) -> dict[str, Any]:
    """Return what a run's answers depend on, and nothing else.

    Not the limit (a larger one continues the run), nor device, batch size, workers or caches.
    """
    info = session.model_info
    return {
        "task": run.settings.name,
        "task_version": run.task.version,
        "split": run.settings.split,
        "data": fingerprint_data(run.split),
        "support_split": run.settings.support_split if run.plan.num_demonstrations else None,
        "support_data": fingerprint_data(run.support),
        "model": {"name": info.name, "fingerprint": info.fingerprint, "dtype": info.dtype},
        "protocol": session.settings.protocol.describe(run.task),
        "shots": run.shots,
        "plan": run.plan.describe(),
    }


def _choose_dir(run: Run, session: Session, digest: str) -> Path:
    """`run_dir` is the folder itself for one run, the parent for several."""
    given = session.settings.run_dir
    if given and session.settings.num_runs == 1:
        return given
    name = name_run(
        task=run.settings.name,
        model=label_model(session.model_info),
        shots=run.shots,
        seed=run.seed,
        digest=digest,
    )
    return (given or RUNS_DIR) / name


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
    records = answer(pending, plan, asking, session.model)
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
