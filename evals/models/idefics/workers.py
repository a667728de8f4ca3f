"""The processes that decode pictures.

They are plain ones that run `pixels.py`, each led by a thread that waits for its answers.
`ProcessPoolExecutor` is not used: it cannot fork safely beside torch's threads or CUDA, and its
other start methods run the user's script once more in every process, which loads the model again
where the script has no `if __name__ == "__main__"`.

A process ends with its stdin, so none outlives this one, however this one ends.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from evals.models.idefics import pixels

PATIENCE_SECONDS = 5.0
"""How long a process that is to end may take, before it is killed."""

Source = Path | bytes


@dataclass(slots=True)
class _Job:
    source: Source
    pixels: "Future[bytes | None]" = field(default_factory=Future)
    """`None` where the process could not decode the picture, or has ended."""


class Workers:
    """The processes, their threads, and the pictures that wait for one of them.

    Threads know this and not the `Decoder`, so that a forgotten decoder is collected.
    """

    def __init__(self, size: int) -> None:
        self.failure = ""
        """Why a process has ended that was not to; then none takes another picture."""
        self._size = size
        self._waiting: OrderedDict[str, _Job] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int) -> None:
        for _ in range(count):
            try:
                process = _start_process(self._size)
            except OSError as error:
                self.failure = f"a decoding process cannot be started ({error})"
                return
            self._processes.append(process)
            thread = threading.Thread(target=self._lead, args=(process,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def submit(self, digest: str, source: Source) -> "Future[bytes | None]":
        # Another working folder later must not make it another file.
        job = _Job(source.absolute() if isinstance(source, Path) else source)
        with self._changed:
            self._waiting[digest] = job
            self._changed.notify()
        return job.pixels

    def withdraw(self, digest: str) -> bool:
        """Take a picture back; false where a process has begun with it."""
        with self._changed:
            return self._waiting.pop(digest, None) is not None

    def close(self) -> None:
        """End the processes.

        Only the main thread waits for that: a forgotten decoder may be collected in any thread,
        also in one of those that would be waited for.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not threading.main_thread():
            return
        for thread, process in zip(self._threads, self._processes, strict=True):
            thread.join(PATIENCE_SECONDS)
            if thread.is_alive():
                process.kill()
                thread.join()

    def _lead(self, process: "subprocess.Popen[bytes]") -> None:
        """Pass pictures to one process until there is no more to do, and end it."""
        while job := self._next():
            decoded = None
            try:
                decoded = _ask(process, job.source)
            except (OSError, EOFError, pickle.UnpicklingError):
                process.kill()
                self.failure = f"a decoding process ended unexpectedly (exit code {_end(process)})"
            finally:  # else somebody would wait for it forever
                job.pixels.set_result(decoded)
        _end(process)

    def _next(self) -> _Job | None:
        with self._changed:
            while not (self._waiting or self._closed or self.failure):
                self._changed.wait()
            if self._closed or self.failure:
                return None
            return self._waiting.popitem(last=False)[1]


def _start_process(size: int) -> "subprocess.Popen[bytes]":
    """Start a process that finds the same packages, and that a terminal's Ctrl-C does not reach."""
    search_path = [str(Path(entry).absolute()) for entry in sys.path]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", pixels.__name__, str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
        start_new_session=True,
    )


def _ask(process: "subprocess.Popen[bytes]", source: Source) -> bytes | None:
    assert process.stdin is not None
    assert process.stdout is not None
    pickle.dump(source, process.stdin)
    process.stdin.flush()
    decoded: bytes | None = pickle.load(process.stdout)
    return decoded


def _end(process: "subprocess.Popen[bytes]") -> int:
    """End a process by ending its stdin; return its exit code."""
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with suppress(OSError):  # what it has not taken
            pipe.close()
    return process.wait()
