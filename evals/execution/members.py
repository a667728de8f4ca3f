"""One worker as the driver sees it, and what comes of all at a time."""

import socket
from dataclasses import dataclass, field
from typing import Any

from evals.execution.chunks import Chunk
from evals.execution.worker import Place


@dataclass(eq=False, slots=True)
class Member:
    """One worker as the driver sees it."""

    number: int
    actor: Any
    awaited: Any
    """The reference of what it does first: being placed on a machine, then loading."""
    place: Place | None = None
    chunk: Chunk[Any] | None = None
    answers: Any = None
    """The generator of its chunk's answers."""
    heard_at: float = 0.0
    """When its last answer came, its chunk went, or it began to load."""
    has_answered: bool = False
    """Whether it has answered anything of its chunk."""

    @property
    def is_idle(self) -> bool:
        return self.awaited is None and self.chunk is None

    @property
    def is_elsewhere(self) -> bool:
        return self.place is not None and self.place.host != socket.gethostname()

    def __str__(self) -> str:
        return f"worker {self.number}" + (f" on {self.place.host}" if self.place else "")


@dataclass(slots=True)
class Heard:
    """What came at a time."""

    answers: list[Any] = field(default_factory=list)
    left: list[Chunk[Any]] = field(default_factory=list)
    """What dead workers have not answered."""
    error: BaseException | None = None
    """What a worker's model raised; or that workers die again and again."""


def describe_death(error: Exception) -> str:
    """Return what Ray says of a death, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1][:200]}" if lines else type(error).__name__
