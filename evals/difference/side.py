"""One of two runs, with all that its folder and its data still say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.config import Settings, read_settings
from evals.demonstrations import Plan, read_plan
from evals.errors import EvalError
from evals.identity import HeldIdentity
from evals.query_scores import QueryScore, read_query_scores
from evals.records import Record, read_records
from evals.runner.loading import Run, load_run
from evals.runner.prompting import make_asking
from evals.runner.requests import Asking, WordDemonstration, word_once
from evals.runner.session import Progress, Session
from evals.store import PLAN, read_identity
from evals.summary import RunSummary, read_summary
from evals.types import Example, Task


@dataclass(frozen=True, slots=True)
class Data:
    """A run's examples, and what puts its prompts into words."""

    run: Run
    asking: Asking
    word: WordDemonstration
    queries: Mapping[str, Example]
    """All of the split, by id."""
    with_images: bool


@dataclass(frozen=True, slots=True)
class Side:
    """A finished run."""

    name: str
    summary: RunSummary
    identity: HeldIdentity
    settings: Settings
    records: Mapping[str, Record]
    """Of the queries that were scored, by id."""
    scored: Mapping[str, QueryScore]
    """By id, in the order of the split."""
    plan: Plan
    task: Task
    data: Data | None
    """`None` where the examples are not there any more."""
    note: str = ""
    """Why not, or why without pictures."""

    @property
    def model(self) -> Mapping[str, Any]:
        """What answered.json says of the model."""
        return dict(self.summary.answered.get("model", {}))


def read_side(run_dir: Path, progress: Progress) -> Side:
    """Read a finished run, with its data where they are.

    Raises:
        ResultsError: the folder is no finished run.
    """
    summary = read_summary(run_dir)
    scored = {query.id: query for query in read_query_scores(run_dir)}
    settings = read_settings(run_dir)
    plan = read_plan(run_dir / PLAN)
    session = Session(settings, progress)
    data, note = _load(session, plan)
    return Side(
        name=run_dir.resolve().name,
        summary=summary,
        identity=read_identity(run_dir),
        settings=settings,
        records={record.id: record for record in read_records(run_dir) if record.id in scored},
        scored=scored,
        plan=plan,
        task=session.task(settings.tasks[0]),
        data=data,
        note=note,
    )


def _load(session: Session, plan: Plan) -> tuple[Data | None, str]:
    """Return the data, without pictures where these are gone; and what is gone."""
    settings = session.settings
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    notes = []
    for with_images in (True, False):
        try:
            run = load_run(session, task, shots=shots, seed=seed, with_images=with_images)
            asking = make_asking(run, plan, session, room=0)
        except EvalError as error:
            notes.append(str(error).splitlines()[0])
            continue
        queries = {query.id: query for query in run.split.examples}
        return Data(run, asking, word_once(asking), queries, with_images), "; ".join(notes)
    return None, "; ".join(dict.fromkeys(notes))
