"""`execution=ray`: workers of a Ray cluster, each with the whole model on its share of a node."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evals.errors import ConfigError, WorkerError
from evals.execution import worker
from evals.execution.cluster import connect, list_nodes
from evals.execution.crew import PATIENCE_SECONDS, Crew
from evals.execution.members import describe_death
from evals.execution.model import SpreadModel
from evals.execution.pictures import Pictures
from evals.execution.sizes import Size, check_room, choose_size
from evals.types import FrugalSpec, HubSpec, ModelInfo, ModelSpec, ReadableSpec


@dataclass(frozen=True, slots=True)
class RayExecution:
    """What configs/execution/ray.yaml says."""

    address: str | None = None
    """Of a cluster's head, or `auto`; `None` starts one on this machine."""
    num_workers: int | None = None
    """`None`: as many as fit."""
    gpus_per_worker: int | None = None
    """`None`: one, where the model runs on a GPU."""
    cpus_per_worker: int | None = None
    """`None`: an even share of its machine."""
    chunk_size: int = 512
    """Requests that a worker is given at a time: what the built-in model reads together."""
    hang_seconds: float | None = 1800.0
    """Without an answer, until a worker counts as dead; `None`: for ever."""

    @contextmanager
    def spread(self, spec: ModelSpec) -> Iterator[ModelSpec]:
        """Give settings whose model answers in workers; they end with the context.

        Raises:
            ConfigError: a setting is out of its range, or the model cannot be loaded elsewhere.
        """
        self._check()
        if not isinstance(spec, ReadableSpec):
            raise ConfigError(
                f"execution=ray loads the model in each worker, and {type(spec).__name__} does not "
                "say how prompts are read without it: give a model by its name and settings, or "
                "its spec a load_reader() (docs/adding-a-model.md)"
            )
        with ExitStack() as stack:
            yield SpreadSpec(self, spec, stack)

    def _check(self) -> None:
        smallest = {
            "num_workers": 1,
            "gpus_per_worker": 0,
            "cpus_per_worker": 1,
            "chunk_size": 1,
            "hang_seconds": 0.1,
        }
        for name, least in smallest.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"execution.{name}={value}: at least {least}")
        if self.chunk_size is None:
            raise ConfigError("execution.chunk_size: a number of requests")


@dataclass(frozen=True)
class SpreadSpec:
    """A model's settings, to be loaded in workers."""

    execution: RayExecution
    spec: ReadableSpec
    stack: ExitStack
    """What ends with the call: the connection, the workers."""

    def describe(self) -> ModelInfo:
        """Say what the model would be where the workers are.

        On a cluster one of them is asked: the machine that plans may have no GPU.
        """
        return self._info

    @cached_property
    def _info(self) -> ModelInfo:
        if self.execution.address is None:
            return self.spec.describe()
        ray = self._connect()
        gpus = self.execution.gpus_per_worker
        if gpus is None:
            gpus = 1 if any(node.gpus for node in list_nodes(ray)) else 0
        # One call a process: no worker gets one in which torch was imported for another share.
        ask = ray.remote(max_calls=1, num_cpus=1, num_gpus=gpus)(worker.describe)
        asked = ask.remote(self.spec, worker.choose_variables(1))
        try:
            if not ray.wait([asked], timeout=PATIENCE_SECONDS)[0]:
                warnings.warn(
                    f"no machine has said for {PATIENCE_SECONDS:.0f} seconds what the model would "
                    "be there: its files are still fetched or hashed, or there is no room for a "
                    f"CPU and {gpus} GPUs on {list_nodes(ray)}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            said: ModelInfo | BaseException = ray.get(asked)
        except ray.exceptions.RayError as error:
            raise WorkerError(
                f"a machine of the cluster cannot say what the model would be there "
                f"({describe_death(error)}); install the same packages on every machine"
            ) from error
        if isinstance(said, BaseException):
            raise said
        return said

    def list_savings(self) -> Sequence[str]:
        """Return what saves memory in each worker."""
        return self.spec.list_savings() if isinstance(self.spec, FrugalSpec) else ()

    def load(self) -> SpreadModel:
        """Start the workers; return once the first is ready.

        Raises:
            EvalError: there is no room for a worker, or the model cannot be loaded.
        """
        info, spec = self._info, self.spec
        if info.revision and isinstance(spec, HubSpec):
            spec = spec.at_revision(info.revision)  # whatever a branch is by now, and over there
        reader = spec.load_reader()
        ray = self._connect()
        crew = Crew(
            ray=ray,
            spec=spec,
            info=info,
            size=self._choose_size(ray, info),
            num_workers=self.execution.num_workers,
            hang_seconds=self.execution.hang_seconds,
        )
        self.stack.callback(crew.close)
        crew.wait_for_one()
        return SpreadModel(info, reader, crew, Pictures(ray), self.execution.chunk_size)

    def _connect(self) -> Any:
        return self.stack.enter_context(connect(self.execution.address))

    def _choose_size(self, ray: Any, info: ModelInfo) -> Size:
        nodes = list_nodes(ray)
        size = choose_size(
            nodes,
            on_gpu=info.device.startswith("cuda"),
            num_workers=self.execution.num_workers,
            gpus_per_worker=self.execution.gpus_per_worker,
            cpus_per_worker=self.execution.cpus_per_worker,
        )
        if self.execution.address is None:  # elsewhere, machines may come later
            check_room(nodes, size)
        return size
