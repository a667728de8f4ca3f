"""MLflow: a series is a run of an experiment. mlflow-skinny is enough for a server."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from evals.errors import ConfigError
from evals.trackers.packages import import_package
from evals.trackers.series import Series
from evals.trackers.values import flatten

T = TypeVar("T")

MAX_METRICS, MAX_PARAMS = 1000, 100
"""What MLflow takes in one call."""
_FOREIGN = re.compile(r"[^\w\-./ ]")
"""What its names may not hold."""


@dataclass(frozen=True, slots=True)
class MlflowTracker:
    """Scores as metrics, settings as params, summaries and a report as artifacts."""

    tracking_uri: str | None = None
    """Default: $MLFLOW_TRACKING_URI."""
    experiment: str = "idefics-evals"
    run_name: str | None = None
    """In place of model and protocol; the seed is added."""

    def check(self) -> None:
        self._connect()

    def log(self, series: Series) -> str:
        """Log through a client of our own: MLflow's active run, if there is one, is the user's."""
        client = self._connect()
        run = client.create_run(
            self._find_experiment(client),
            run_name=series.name(self.run_name),
            tags={"evals.series": series.label, "evals.hash": series.hash},
        ).info
        status = "FAILED"
        try:
            _log_values(client, run.run_id, series)
            for name, path in series.files.items():
                folder = PurePosixPath(name).parent
                client.log_artifact(run.run_id, str(path), str(folder))
            status = "FINISHED"
        finally:
            client.set_terminated(run.run_id, status)
        uri = str(client.tracking_uri)
        if uri.startswith("http"):
            return f"{uri.rstrip('/')}/#/experiments/{run.experiment_id}/runs/{run.run_id}"
        return f"run {run.run_id} in {uri}"

    def _connect(self) -> Any:
        """Return a client. It asks no server yet, but it knows which stores cannot be had."""
        mlflow = import_package("mlflow", extra="mlflow")
        try:
            return mlflow.MlflowClient(tracking_uri=self.tracking_uri)
        except mlflow.exceptions.MlflowException as error:
            raise ConfigError(
                f"MLflow cannot use tracking_uri={self.tracking_uri or mlflow.get_tracking_uri()}: "
                f"{error}\nGive tracker.tracking_uri=http://SERVER or $MLFLOW_TRACKING_URI. "
                "Without a server, sqlite:///FILE wants `pip install sqlalchemy alembic`, and a "
                "folder MLFLOW_ALLOW_FILE_STORE=true in the environment"
            ) from error

    def _find_experiment(self, client: Any) -> str:
        name = str(self.experiment)
        found = client.get_experiment_by_name(name)
        return str(found.experiment_id if found else client.create_experiment(name))


def _log_values(client: Any, run_id: str, series: Series) -> None:
    entities = import_package("mlflow.entities", extra="mlflow")
    now = int(1000 * time.time())
    params = [
        entities.Param(_FOREIGN.sub("_", name), str(value))
        for name, value in flatten(series.parameters).items()
    ]
    metrics = [
        entities.Metric(_FOREIGN.sub("_", name), value, now, shots)
        for shots, numbers in series.points.items()
        for name, value in numbers.items()
    ]
    for some_params in _split(params, MAX_PARAMS):
        client.log_batch(run_id, params=some_params)
    for some_metrics in _split(metrics, MAX_METRICS):
        client.log_batch(run_id, metrics=some_metrics)


def _split(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
