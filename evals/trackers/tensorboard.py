"""TensorBoard: a series is a folder of event files. TensorBoard's own writer, without torch.

TensorBoard keeps no artifacts: the files lie beside the events.
"""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.trackers.packages import import_package
from evals.trackers.series import Series
from evals.trackers.values import flatten


@dataclass(frozen=True, slots=True)
class TensorboardTracker:
    """Scores as scalars, settings as hyperparameters."""

    dir: str = "results/tensorboard"
    """`tensorboard --logdir` of it shows every series."""

    def check(self) -> None:
        for name in ("summary.writer.event_file_writer", "plugins.hparams.summary_v2"):
            _import(name)

    def log(self, series: Series) -> str:
        """Write the events anew; those of an earlier call with the same runs are removed.

        TensorBoard reads all event files of a folder, and would draw each value twice.
        """
        words = re.sub(r"[^\w.-]+", "-", series.name()).strip("-")
        folder = Path(self.dir) / f"{words}-{series.hash}"
        earlier = list(folder.glob("events.out.tfevents.*"))
        _write_events(folder, series)
        for path in earlier:
            path.unlink()
        for name, path in series.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        return f"tensorboard --logdir {self.dir}"


def _write_events(folder: Path, series: Series) -> None:
    scalars, hparams = _import("plugins.scalar.summary_v2"), _import("plugins.hparams.summary_v2")
    event, now = _import("compat.proto.event_pb2").Event, time.time()
    writer = _import("summary.writer.event_file_writer").EventFileWriter(str(folder))
    try:
        settings = hparams.hparams_pb(flatten(series.parameters), trial_id=series.hash)
        writer.add_event(event(wall_time=now, step=0, summary=settings))
        for shots, numbers in series.points.items():
            for name, value in numbers.items():
                scalar = scalars.scalar_pb(name, value)
                writer.add_event(event(wall_time=now, step=shots, summary=scalar))
    finally:
        writer.close()


def _import(name: str) -> Any:
    return import_package(f"tensorboard.{name}", extra="tensorboard")
