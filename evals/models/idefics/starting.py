"""The processes that follow: started, asked why they failed, ended.

They are started as those that decode pictures are (`workers.py`), for the same reasons.
"""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from evals.models.idefics import following
from evals.models.idefics.group import leave_group
from evals.models.idefics.messages import Failed

PATIENCE_SECONDS = 5.0
"""How long processes that are to end may take together, before they are killed."""
EXPLAIN_SECONDS = 3.0
"""How long those that have failed may take to say why."""

Process = subprocess.Popen[bytes]


def start_process() -> Process:
    """Start a process that finds the same packages, and that a terminal's Ctrl-C does not reach."""
    search_path = [str(Path(entry).absolute()) for entry in sys.path]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", following.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
        start_new_session=True,
    )


def ask_why(processes: Sequence[Process]) -> list[str]:
    """Return why each process failed; those that did not are killed, for they wait for others."""
    reasons = []
    deadline = time.monotonic() + EXPLAIN_SECONDS
    for number, process in enumerate(processes, start=1):
        if (code := _wait(process, deadline)) is None:
            process.kill()
            continue
        reasons.append(f"process {number}: {_read_reason(process) or f'exit code {code}'}")
    return reasons


def end_processes(processes: Sequence[Process]) -> None:
    """End processes by ending their stdin, and leave the group."""
    for process in processes:
        assert process.stdin is not None
        with suppress(OSError):  # what it has not taken
            process.stdin.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    for process in processes:
        if _wait(process, deadline) is None:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
    leave_group()


def _wait(process: Process, deadline: float) -> int | None:
    """Return how a process ended; `None` where it has not in time."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
    return process.poll()


def _read_reason(process: Process) -> str:
    """Return the last of what a process that has ended replied, if it is why."""
    assert process.stdout is not None
    reply: object = None
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            reply = pickle.load(process.stdout)
    return reply.reason if isinstance(reply, Failed) else ""
