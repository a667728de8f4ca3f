"""A side's process: started afresh for each case, so that its peak memory is the case's own.

The parent asks by a method's name and waits; there is one thing to do at a time.
"""

import multiprocessing
import signal
import traceback
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from evals.bench.memory import read_worker_bytes
from evals.bench.sides import SideName, SideSettings
from evals.errors import EvalError

SAMPLE_SECONDS = 0.25
"""How often memory of a side's own workers is looked at."""
JOIN_SECONDS = 30


class Child:
    """The parent's end."""

    def __init__(self, name: SideName, settings: SideSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._connection, theirs = context.Pipe()
        # Not a daemon: a side may start workers of its own.
        self._process = context.Process(target=_serve, args=(theirs, name, settings))
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self.peak_worker_bytes = 0
        """What the side's own workers held at most, when they were looked at."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        if kind is not None:
            self._process.terminate()
        self._process.join(JOIN_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def call(self, method: str, *arguments: object) -> Any:
        """Ask, and wait for the answer.

        Raises:
            EvalError: the side raised one, or its process is gone.
            RuntimeError: the side raised anything else: a bug of ours.
        """
        self.send(method, *arguments)
        return self.receive()

    def send(self, method: str, *arguments: object) -> None:
        try:
            self._connection.send((method, arguments))
        except OSError as error:
            raise self._gone() from error

    def receive(self) -> Any:
        try:
            while not self._connection.poll(SAMPLE_SECONDS):
                held = read_worker_bytes(self.pid)
                self.peak_worker_bytes = max(self.peak_worker_bytes, held)
            result, error, trace = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if error is not None:
            raise error
        if trace:
            raise RuntimeError(f"the side {self._name} failed:\n{trace}")
        return result

    def _gone(self) -> EvalError:
        self._process.join(JOIN_SECONDS)
        return EvalError(
            f"the process of {self._name} ended with code {self._process.exitcode}; -9 is mostly "
            "too little memory: choose smaller cases (--cases random-4)"
        )


def _serve(connection: Connection, name: SideName, settings: SideSettings) -> None:
    """Do what the parent asks until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    import torch

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    side = _build_side(name, settings)
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, OSError):
            return
        answer: tuple[Any, EvalError | None, str]
        try:
            answer = (getattr(side, method)(*arguments), None, "")
        except EvalError as error:
            answer = (None, error, "")
        except Exception:  # told to the parent, which raises it
            answer = (None, None, traceback.format_exc())
        connection.send(answer)


def _build_side(name: SideName, settings: SideSettings) -> object:
    """Import one side only: what the other needs would count as memory of this one."""
    if name == "engine":
        from evals.bench.engine_side import EngineSide

        return EngineSide(settings)
    from evals.bench.transformers_side import TransformersSide

    return TransformersSide(settings)
