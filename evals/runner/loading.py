"""A run with its data: one combination of task, shots and seed."""

from dataclasses import dataclass

from evals.config import TaskSettings
from evals.runner.planning import PlanSpec, specify_plan
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
    plan: PlanSpec
    split: ExampleSet
    support: ExampleSet
    """Empty where no demonstration is shown."""

    @property
    def queries(self) -> tuple[Example, ...]:
        """The first `limit` examples, in file order."""
        return self.split.examples[: self.limit]


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
        plan=plan,
        split=split,
        support=support,
    )
