"""The two sides of the bench as their processes see them."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import torch

from evals.bench.cases import Case
from evals.bench.floor import PromptShape
from evals.bench.memory import read_peak_bytes
from evals.bench.workload import Workload
from evals.types import ModelInfo

SideName = Literal["engine", "transformers"]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SideSettings:
    checkpoint: Path
    device: str
    dtype: str
    threads: int | None
    """`None`: as many as torch takes."""
    workload: Workload
    batch_size: int | None = None
    """Of the engine: at most so many answers at a time; `None`: as many as it chooses."""

    @property
    def info(self) -> ModelInfo:
        """The checkpoint is made up, so nothing is hashed."""
        return ModelInfo("bench", str(self.checkpoint), "bench", {}, self.dtype, self.device)

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)

    @property
    def torch_dtype(self) -> torch.dtype:
        dtype = getattr(torch, self.dtype)
        assert isinstance(dtype, torch.dtype)
        return dtype


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a round's requests were answered, by request id: one of the two is empty."""

    tokens: Mapping[str, tuple[int, ...]]
    """Generated ids, an ending EOS included."""
    logprobs: Mapping[str, tuple[float, ...]]
    """Of each class."""

    def __len__(self) -> int:
        return len(self.tokens) + len(self.logprobs)


@dataclass(frozen=True, slots=True)
class Round:
    seconds: float
    outputs: Outputs


@dataclass(frozen=True, slots=True)
class Prefill:
    seconds: Sequence[float]
    """Of passes over the same prompts, their pictures' latents being known."""
    prompts: tuple[PromptShape, ...]


class Side(Protocol):
    def prepare(self, case: Case) -> None:
        """Become ready to answer, with nothing remembered of any picture that will be asked."""
        ...

    def answer(self, case: Case, limit: int | None) -> Round:
        """Answer a round's requests, or the first `limit`, timed from files to outputs."""
        ...


def time_work(work: Callable[[], Result], device: torch.device) -> tuple[float, Result]:
    """Return the seconds that the work took, with all that a GPU had to do, and its result."""
    _synchronise(device)
    start = time.perf_counter()
    result = work()
    _synchronise(device)
    return time.perf_counter() - start, result


def release_memory(device: torch.device) -> None:
    """Give back what is not in use: the other side shares the device."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def read_side_peak(device: torch.device) -> int:
    """Return the most bytes in use at once: of the GPU's memory, on a CPU of the process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return read_peak_bytes()


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
