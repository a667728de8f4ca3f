"""A run to be looked at: its queries with their scores, and its data where they still are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evals.config import read_settings
from evals.demonstrations import Plan, read_plan
from evals.errors import EvalError
from evals.query_scores import QueryScore, read_query_scores
from evals.runner import Progress, Session
from evals.runner.loading import load_run
from evals.runner.prompting import make_asking
from evals.runner.requests import Asking
from evals.store import PLAN
from evals.summary import RunSummary, read_summary
from evals.types import Example, ExampleSet, Image, Task


@dataclass(frozen=True, slots=True)
class Words:
    """What the prompts of a run are made of."""

    examples: Mapping[str, Example]
    """Query id -> example."""
    asking: Asking
    plan: Plan


@dataclass(frozen=True, slots=True)
class LoadedRun:
    run_dir: Path
    slug: str
    """Names the run in the pages: its folder's name, made different where two are alike."""
    summary: RunSummary
    queries: Sequence[QueryScore]
    words: Words | None
    """`None` where its data are gone: ids, answers and scores remain."""
    note: str
    """What of its data is missing; else empty."""

    @property
    def label(self) -> str:
        summary = self.summary
        return f"{summary.model}, {summary.protocol}, {summary.shots} shots, seed {summary.seed}"


@dataclass
class Loader:
    """Mutable on purpose: runs on the same files share what was read of them."""

    progress: Progress
    _shared: dict[str, tuple[dict[str, Task], dict[tuple[str, str, bool], ExampleSet]]] = field(
        default_factory=dict
    )
    """Task settings -> what a session remembers."""

    def load(self, run_dir: Path, *, slug: str) -> LoadedRun:
        """Read a finished run.

        Raises:
            ResultsError: the folder is no finished run.
        """
        summary = read_summary(run_dir)
        queries = list(read_query_scores(run_dir))
        words, note = None, ""
        try:
            words, note = self._read_words(run_dir)
        except EvalError as error:
            note = str(error)
        return LoadedRun(run_dir, slug, summary, queries, words, note)

    def _read_words(self, run_dir: Path) -> tuple[Words, str]:
        settings = read_settings(run_dir)
        (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
        shared = self._shared.setdefault(repr(task), ({}, {}))
        session = Session(settings, self.progress, *shared)
        try:
            run = load_run(session, task, shots=shots, seed=seed, with_images=True)
            note = ""
        except EvalError as error:  # the words may be there where pictures are not
            bare = load_run(session, task, shots=shots, seed=seed, with_images=False)
            support = ExampleSet(())
            if bare.plan.num_demonstrations:
                support = session.load(task, task.support_split, with_images=False)
            run = replace(bare, split=_name_pictures(bare.split), support=_name_pictures(support))
            note = str(error)
        plan = read_plan(run_dir / PLAN)
        asking = make_asking(run, plan, session, room=0)
        return Words({example.id: example for example in run.queries}, asking, plan), note


def _name_pictures(split: ExampleSet) -> ExampleSet:
    """Give each example a picture in name alone: prompts show where it stood."""
    examples = tuple(
        replace(example, image=Image(Path("gone"), name=f"picture {example.picture_id}"))
        for example in split.examples
    )
    return replace(split, examples=examples)
