"""Models that workers load in tests: they die, hang, fail and warn where a prompt says so."""

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from evals.errors import PromptError
from evals.models.mock import MOCK_INFO, MockModel
from evals.types import (
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
    Text,
)


class AcceleratorError(RuntimeError):
    """Named as torch names what a failing GPU raises."""


class Stubborn(Exception):
    """Cannot be pickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


def throw(error: Exception) -> None:
    raise error


ALWAYS: Mapping[str, Callable[[], None]] = {
    "DIE": lambda: os._exit(7),
    "PROMPT": lambda: throw(PromptError("it cannot be answered")),
    "BUG": lambda: throw(ZeroDivisionError("a bug")),
    "MEMORY": lambda: bytearray(1 << 60).clear(),
    "STUBBORN": lambda: throw(Stubborn("one", "two")),
}
ONCE: Mapping[str, Callable[[], None]] = {
    "DIE-ONCE": ALWAYS["DIE"],
    "HANG-ONCE": lambda: time.sleep(600),
    "STOP-ONCE": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "GPU-ONCE": lambda: throw(AcceleratorError("CUDA error: an illegal memory access")),
}


@dataclass
class Toy:
    """The mock, which does what is written in a prompt; once only, where a folder remembers it."""

    folder: str
    seconds: float = 0.0
    dies: bool = False
    mock: MockModel = field(default_factory=MockModel)
    notes: list[str] = field(default_factory=list)
    info: ModelInfo = MOCK_INFO
    max_tokens: int = 2048

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return self.mock.count_tokens(prompt, bos=bos)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        for request in requests:
            if self.dies and self._is_first("died"):
                os._exit(7)
            self._act(request.prompt, request.id)
            (generation,) = self.mock.generate([request])
            text = str(request.prompt)
            yield from [generation] * (2 if "TWICE" in text else 0 if "NEVER" in text else 1)

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        return self.mock.loglikelihood(requests)

    def image_features(self, images: Iterable[Image]) -> Iterator[np.ndarray]:
        for image in images:
            if str(image) != "UNSEEN":
                yield np.frombuffer(bytes.fromhex(image.sha256)[:8], np.float32)

    def _act(self, prompt: Prompt, request_id: str) -> None:
        time.sleep(self.seconds)
        for word in " ".join(part.text for part in prompt if isinstance(part, Text)).split():
            if word in ALWAYS:
                ALWAYS[word]()
            elif word in ONCE and self._is_first(f"{word}-{request_id}"):
                ONCE[word]()
            elif word == "NOTE":
                self.notes.append("it was hard")
                warnings.warn("it is warm", RuntimeWarning, stacklevel=2)

    def _is_first(self, name: str) -> bool:
        try:
            (Path(self.folder) / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


@dataclass(frozen=True)
class ToySpec:
    NOT_IN_IDENTITY: ClassVar[frozenset[str]] = frozenset({"folder", "seconds", "fails", "dies"})

    folder: str
    seconds: float = 0.0
    fails: str = ""
    """How loading fails."""
    dies: bool = False
    """The first worker that is asked anything dies."""
    max_tokens: int = 2048

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load_reader(self) -> MockModel:
        return MockModel()

    def load(self) -> Toy:
        match self.fails:
            case "dies":
                os._exit(7)
            case "other":
                info = ModelInfo("mock", "mock", "0" * 64, {"a.json": "0"}, "none", "none")
                return Toy(self.folder, info=info)
            case "memory":
                bytearray(1 << 60)
            case "raises":
                raise PromptError("it cannot be loaded")
            case "raises later" if (Path(self.folder) / "loaded").exists():
                raise PromptError("it cannot be loaded")
        (Path(self.folder) / "loaded").touch()
        return Toy(self.folder, self.seconds, self.dies)


@dataclass(frozen=True)
class BranchSpec:
    """The mock, of the commit that a file names, as a branch of a hub does."""

    branch: str
    revision: str | None = None
    max_tokens: int = 2048

    @property
    def commit(self) -> str:
        return self.revision or Path(self.branch).read_text()

    def describe(self) -> ModelInfo:
        return replace(MOCK_INFO, fingerprint=self.commit * 2, revision=self.commit)

    def at_revision(self, revision: str) -> "BranchSpec":
        return replace(self, revision=revision)

    def load_reader(self) -> MockModel:
        return MockModel(max_tokens=len(self.commit))

    def load(self) -> Toy:
        return Toy("", info=self.describe())


@dataclass(frozen=True)
class Unreadable:
    """Settings that do not say how prompts are read."""

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> MockModel:
        return MockModel()
