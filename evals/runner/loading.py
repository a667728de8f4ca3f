"""A run with its data: one combination of task, shots and seed."""

from dataclasses import dataclass

from evals.config import Settings, TaskSettings
from evals.runner.planning import PlanSpec, specify_plan
from evals.runner.sample import draw_sample
from evals.runner.session import Session
from evals.types import Example, ExampleSet, Task

NOTHING = ExampleSet(())


@dataclass(frozen=True, slots=True)
class Run:
    """What is planned, answered and scored together."""

    settings: TaskSettings
    task: Task
    shots: int
    seed: int
    limit: int | None
    sampled: frozenset[str] | None
    """The ids of the queries that were drawn; `None` where none were."""
    plan: PlanSpec
    split: ExampleSet
    support: ExampleSet
    """Empty where no demonstration is shown."""

    @property
    def queries(self) -> tuple[Example, ...]:
        """What is asked, in file order: the sample, or the first `limit` examples."""
        if self.sampled is None:
            return self.split.examples[: self.limit]
        return tuple(query for query in self.split.examples if query.id in self.sampled)


def _draw(call: Settings, split: ExampleSet) -> frozenset[str] | None:
    """Return the ids of a sample; a sample as large as the split is the split."""
    if call.sample is None or call.sample >= len(split.examples):
        return None
    drawn = draw_sample(split.examples, call.sample, seed=call.sample_seed)
    return frozenset(query.id for query in drawn) if len(drawn) < len(split.examples) else None


def load_run(
    session: Session, settings: TaskSettings, *, shots: int, seed: int, with_images: bool
) -> Run:
    """Load the data of a run; without pictures, only what scoring looks at."""
    call = session.settings
    task = session.task(settings)
    plan = specify_plan(call, task, call.protocol, shots=shots, seed=seed)
    split = session.load(settings, settings.split, with_images=with_images)
    needs_support = plan.num_demonstrations > 0 and with_images
    support = session.load(settings, settings.support_split) if needs_support else NOTHING
    return Run(
        settings=settings,
        task=task,
        shots=shots,
        seed=seed,
        limit=call.limit,
        sampled=_draw(call, split),
        plan=plan,
        split=split,
        support=support,
    )
