"""What one process tells those that follow it, and what they reply.

A message is a name and values, pickled. Pictures go by their sha256 alone: who follows looks at
none, and must only know which are the same. Tensors do not go through the pipe but from device to
device (`group.py`); the message says what to expect.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from evals.models.division import Quantised
from evals.types import Image


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is started for."""

    folder: Path
    dtype: torch.dtype
    quantised: Quantised | None
    kind: str
    """Of devices."""
    rank: int
    count: int
    port: int
    num_threads: int
    precision: str
    """Of float32 products (`torch.set_float32_matmul_precision`)."""


@dataclass(frozen=True, slots=True)
class Started:
    """The process is there, has its job and its device, and can reach the others."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Its share is loaded, and there is room."""

    cache_tokens: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Whether there was memory for a batch."""

    fits: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """It ends."""

    reason: str


Reply = Started | Loaded | Opened | Failed


@dataclass(frozen=True, slots=True)
class Message:
    name: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """A tensor that comes after its message."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def encode_message(message: Message) -> tuple[bytes, list[Tensor]]:
    """Return what goes through the pipe, and the tensors that come after it, in order."""
    tensors = [arg for arg in message.args if isinstance(arg, Tensor)]
    args = tuple(
        Expected(tuple(arg.shape), arg.dtype) if isinstance(arg, Tensor) else arg
        for arg in message.args
    )
    file = BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(Message(message.name, args))
    return file.getvalue(), tensors


def read_message(file: IO[bytes], receive: Callable[[Expected], Tensor]) -> Message:
    """Read the next message, and its tensors.

    Raises:
        EOFError: there is none any more.
    """
    message: Message = pickle.load(file)
    args = (receive(arg) if isinstance(arg, Expected) else arg for arg in message.args)
    return Message(message.name, tuple(args))


def name_picture(sha256: str) -> Image:
    """Return a picture that nobody can see, equal to all whose bytes have that sum."""
    image = Image(b"")
    vars(image)["sha256"] = sha256  # where the cached property looks first
    return image


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        return (name_picture, (value.sha256,)) if isinstance(value, Image) else NotImplemented
