"""Weights & Biases: a series is a run, its group the label, so that seeds can be averaged."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import ConfigError
from evals.trackers.packages import import_package
from evals.trackers.series import Series

MODES = ("online", "offline", "disabled")
MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class WandbTracker:
    """Scores as history, settings as config, summaries and a report as an artifact."""

    project: str = "idefics-evals"
    entity: str | None = None
    mode: str | None = None
    """online, offline or disabled; default: $WANDB_MODE, else online."""
    dir: str | None = None
    """Where wandb keeps its files; default: $WANDB_DIR, else ./wandb."""
    name: str | None = None
    """In place of model and protocol; the seed is added."""
    tags: Sequence[str] = ()

    def check(self) -> None:
        if self.mode not in (None, *MODES):
            raise ConfigError(f"tracker.mode={self.mode}: one of {', '.join(MODES)}")
        if isinstance(self.tags, str):
            raise ConfigError(f"tracker.tags={self.tags}: a list, e.g. tracker.tags=[baseline]")
        wandb = import_package("wandb", extra="wandb")
        if (self.mode or os.environ.get("WANDB_MODE", "online")) != "online":
            return
        try:
            wandb.login()  # asks in a terminal: better now than after the run
        except wandb.errors.CommError:
            pass  # the server is away, and may be back when there are scores
        except wandb.errors.UsageError as error:
            raise ConfigError(
                f"wandb: {error} Or give tracker.mode=offline, and `wandb sync` later"
            ) from error

    def log(self, series: Series) -> str:
        wandb = import_package("wandb", extra="wandb")
        run = self._start(wandb, series)
        exit_code = 1
        try:
            for shots, numbers in series.points.items():
                run.log(dict(numbers), step=shots)
            artifact = wandb.Artifact(f"evals-{series.hash}", type="evaluation")
            for name, path in series.files.items():
                artifact.add_file(str(path), name=name)
            run.log_artifact(artifact)
            exit_code = 0
        finally:
            run.finish(exit_code=exit_code)
        folder = Path(run.dir).parent
        return f"wandb sync {folder}" if run.offline else str(run.url or folder)

    def _start(self, wandb: Any, series: Series) -> Any:
        if self.dir is not None:
            Path(self.dir).mkdir(parents=True, exist_ok=True)  # wandb would take another, silently
        return wandb.init(
            project=str(self.project),
            entity=self.entity,
            mode=self.mode,
            dir=self.dir,
            name=series.name(self.name)[:MAX_NAME],
            group=series.label[:MAX_NAME],
            job_type="evals",
            tags=[str(tag) for tag in self.tags],
            config=dict(series.parameters),
            # Of its own accord wandb records the command line, which may hold a key, the terminal,
            # the code and the machine.
            settings=wandb.Settings(
                console="off",
                disable_git=True,
                save_code=False,
                silent=True,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
        )
