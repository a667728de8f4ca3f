"""What identifies a run, put together from what was loaded; and the folders that may hold it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.compose import describe_arguments
from evals.errors import ResultsError
from evals.identity import PICTURES, Identity, list_differences, parse_identity
from evals.provenance import label_model
from evals.runner.loading import Run
from evals.runner.session import Session
from evals.store import IDENTITY, name_run, read_identity

RUNS_DIR = Path("results") / "runs"


def identify(run: Run, session: Session) -> Identity:
    """Return what a run's answers depend on, and nothing else.

    Not the limit (a larger one continues the run), nor device, batch size, workers or caches.
    """
    shows = run.plan.num_demonstrations > 0
    return Identity(
        run={
            "task": run.settings.name,
            "split": run.settings.split,
            "support_split": run.settings.support_split if shows else None,
            "shots": run.shots,
        },
        task={
            "kind": run.task.kind,
            "choices": run.task.choices,
            "arguments": describe_arguments(run.settings.plugin),
        },
        queries=session.digest(run.settings, run.settings.split),
        support=session.digest(run.settings, run.settings.support_split) if shows else None,
        protocol=session.settings.protocol.describe(run.task),
        plan=run.plan.describe(),
        model=_describe_model(session),
    )


def list_folders(run: Run, identity: Identity, session: Session) -> tuple[Path, ...]:
    """Return the folders that may hold a run, to be tried in turn; the last is its own.

    `run_dir` is the folder itself for one run, the parent for several. Before the folder that is
    named by the run's hash come those that differ in pictures alone: if a picture that could not
    be read was mended, they go on.
    """
    given = session.settings.run_dir
    if given and session.settings.num_runs == 1:
        return (given,)
    asked = identity.to_json()
    name = name_run(
        task=run.settings.name,
        model=label_model(session.model_info),
        shots=run.shots,
        seed=run.seed,
        digest=asked["hash"],
    )
    own = (given or RUNS_DIR) / name
    if own.is_dir():
        return (own,)
    beside = own.parent.glob(f"{name.removesuffix(asked['hash'])}*/{IDENTITY}")
    return (*(path.parent for path in sorted(beside) if _is_near(path.parent, asked)), own)


def _is_near(run_dir: Path, asked: Mapping[str, Any]) -> bool:
    """Return whether a folder's identity differs in pictures alone."""
    try:
        held = read_identity(run_dir).values
    except ResultsError:
        return False
    differences = list_differences(held, parse_identity(asked).values)
    return all(place in PICTURES for place, _, _ in differences)


def _describe_model(session: Session) -> dict[str, Any]:
    info = session.model_info
    return {
        "name": info.name,
        "fingerprint": info.fingerprint,
        "dtype": info.dtype,
        "arguments": describe_arguments(session.settings.values["model"]),
    }
