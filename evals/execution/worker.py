"""What runs in a worker: the real model, and its answers as they come.

Ray makes an actor of `Worker`. Nothing here waits for anybody: a worker that is not answering is
working, and one whose driver is gone is ended by Ray.
"""

import os
import pickle
import socket
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from evals.errors import CheckpointError, ConfigError, EvalError
from evals.models.contract import ask_model, pair_features
from evals.models.out_of_memory import explain_out_of_memory
from evals.types import Image, Model, ModelInfo, ModelSpec

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by torch when it is imported."""
PASSED_ON = ("EVALS_CACHE_DIR", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT")
"""Variables of the driver that say where checkpoints are; a worker has those of its machine."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture whose feature is wanted."""

    id: str
    image: Image


@dataclass(frozen=True, slots=True)
class Feature:
    """What a picture looks like."""

    id: str
    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sent:
    """Answers on their way back, with what happened since the last."""

    answers: Sequence[Any] = ()
    """Responses, or each a `Feature`."""
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    error: BaseException | None = None
    """What the model raised; nothing comes after it."""
    is_lost: bool = False
    """The error leaves the device unusable: another worker may do better."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is."""

    host: str
    pid: int


_END = object()
"""Comes behind the last answer."""


class Worker:
    """Holds a model; an actor of its own process.

    The model has one thread, so that it goes on while its answers are on their way.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        os.environ.update(variables)
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._model: Model | None = None
        self._spec: ModelSpec | None = None
        self._num_notes = 0
        self._warnings: deque[str] = deque()
        warnings.showwarning = self._keep_warning

    def get_place(self) -> Place:
        """Say where it is; that there is an answer says that there is room."""
        return Place(socket.gethostname(), os.getpid())

    def load(self, spec: ModelSpec, expected: ModelInfo) -> Sent:
        """Load the model, and see that it is the driver's."""
        return self._thread.submit(self._load, spec, expected).result()

    def _load(self, spec: ModelSpec, expected: ModelInfo) -> Sent:
        try:
            _compare(spec.describe(), expected)  # before weights are read for nothing
            with explain_out_of_memory(spec, "while the model was loaded"):
                model = spec.load()
            _compare(model.info, expected)
        except Exception as error:  # whatever it is, the driver raises it
            return Sent(error=_make_sendable(error), warnings=self._take_warnings())
        self._model, self._spec = model, spec
        return Sent(notes=self._take_notes(), warnings=self._take_warnings())

    def answer(self, kind: str, items: Sequence[Any]) -> Iterator[Sent]:
        """Yield answers in the order in which the model has them.

        What came while others were on their way goes together: to send one takes either side about
        a millisecond, however many answers it holds.

        Args:
            kind: one of `ANSWERS`.
            items: requests, or pictures.
        """
        came: SimpleQueue[Any] = SimpleQueue()
        answering = self._thread.submit(self._answer, kind, items, came.put)
        is_over = False
        while not is_over:
            answers = [came.get()]
            while not came.empty():
                answers.append(came.get())
            is_over = answers[-1] is _END
            yield self._wrap(answers[:-1], answering) if is_over else self._wrap(answers)

    def _answer(self, kind: str, items: Sequence[Any], put: Callable[[Any], None]) -> None:
        assert self._spec is not None
        try:
            with explain_out_of_memory(self._spec, "while a worker's model answered"):
                for answer in ANSWERS[kind](self._model, items):
                    put(answer)
        finally:
            put(_END)

    def _wrap(self, answers: Sequence[Any], ended: "Future[None] | None" = None) -> Sent:
        error = ended.exception() if ended else None
        return Sent(
            answers,
            notes=self._take_notes(),
            warnings=self._take_warnings(),
            error=_make_sendable(error) if error else None,  # whatever it is, the driver raises it
            is_lost=_loses_device(error),
        )

    def _take_notes(self) -> Sequence[str]:
        if self._model is None:
            return ()
        notes = tuple(self._model.notes)[self._num_notes :]
        self._num_notes += len(notes)
        return notes

    def _take_warnings(self) -> Sequence[str]:
        return tuple(self._warnings.popleft() for _ in range(len(self._warnings)))

    def _keep_warning(self, message: Warning | str, *_: object, **__: object) -> None:
        self._warnings.append(str(message))


def _find_features(model: Any, pictures: Sequence[Picture]) -> Iterator[Feature]:
    if not hasattr(model, "image_features"):
        raise ConfigError(
            "demonstrations.sampler=rices needs a model with vision features, and "
            f"{model.info.name} has none; use model=idefics, or a plan made with it "
            "(demonstrations.plan=FILE)"
        )
    images: Iterable[Image] = (picture.image for picture in pictures)
    for picture, values in pair_features(pictures, model.image_features(images), model.info):
        yield Feature(picture.id, values)


ANSWERS: Mapping[str, Callable[[Any, Sequence[Any]], Iterator[Any]]] = {
    "generate": lambda model, requests: ask_model(model.generate, requests, model.info),
    "loglikelihood": lambda model, requests: ask_model(model.loglikelihood, requests, model.info),
    "image_features": _find_features,
}


def choose_variables(num_threads: int) -> dict[str, str]:
    """Return what a worker's environment is to have, beside what its machine says."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | dict.fromkeys(THREADS, str(num_threads))


def describe(spec: ModelSpec, variables: Mapping[str, str]) -> ModelInfo | BaseException:
    """Say what a model would be where workers run: which device and type, of which files."""
    os.environ.update(variables)
    try:
        return spec.describe()
    except Exception as error:  # whatever it is, the driver raises it
        return _make_sendable(error)


def _compare(loaded: ModelInfo, expected: ModelInfo) -> None:
    """Refuse a model that is not the run's: its answers would be counted as the run's.

    Raises:
        CheckpointError: other files, or another type.
    """
    if loaded.fingerprint != expected.fingerprint:
        files = {name for name, _ in loaded.files.items() ^ expected.files.items()}
        raise CheckpointError(
            f"{expected.checkpoint} is another checkpoint here than where the run was started "
            f"({', '.join(sorted(files)) or 'other weights'}); put the same files on every machine"
        )
    if loaded.dtype != expected.dtype:
        raise ConfigError(
            f"the model would be {loaded.dtype} here, and the run's is {expected.dtype}; say which "
            "with model.dtype"
        )


def _loses_device(error: BaseException | None) -> bool:
    """Whether a GPU failed: torch's name for that, which older ones do not have, and our own where
    it is one of several that share a model."""
    return type(error).__name__ in ("AcceleratorError", "GroupError")


def _make_sendable(error: BaseException) -> BaseException:
    """Return the error, or, where it cannot be pickled, one that says the same."""
    if not isinstance(error, Exception):  # SystemExit, say: of the worker, not of the driver
        return RuntimeError(f"{type(error).__name__}: {error}")
    if not isinstance(error, EvalError):
        error.add_note(f"In a worker:\n{''.join(traceback.format_exception(error))}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error's own class decides what its pickling raises
        sendable = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            sendable.add_note(note)
        return sendable
    return error
