"""`evals` as a user starts it: in a process, with or without a terminal."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
EVALS = (sys.executable, "-m", "evals")


def environment(**variables: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "EVALS_DATA_DIR"}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **variables}


def run_piped(
    command: Sequence[str], *, cwd: Path, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(**variables),
        timeout=120,
        check=False,
    )


def run_in_terminal(command: Sequence[str], *, cwd: Path, **variables: str) -> str:
    """Return what a process writes to a terminal of 80 columns, escape sequences and all."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment(**{"TERM": "xterm", "COLUMNS": "80", **variables}),
    )
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(60) == 0, written
    return written.decode()
