"""Ctrl-C: the first ends the work in order, the second is heard, the third ends it at once.

Answers are on disk as they come, so that none of the three loses one that was written; the first
also closes what is open, and says how to go on.
"""

import os
import shlex
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from evals.secrets import HIDDEN, hide_secrets

STDERR = 2
ENDING = "\nending in order; Ctrl-C once more ends at once\n"


def listen() -> None:
    """Hear Ctrl-C, unless it is ignored: a shell's background job is not to be stopped by it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _begin_to_end)


def _begin_to_end(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _end_at_next)
    raise KeyboardInterrupt


def _end_at_next(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with suppress(OSError):
        os.write(STDERR, ENDING.encode())  # `print` may be where the signal came


def say_interrupted(words: Sequence[str], process: Sequence[str]) -> str:
    """Return what is said after Ctrl-C: of a run, the command that resumes it.

    Args:
        words: what was typed after `evals`.
        process: the whole command line of this process, as Python was started with it.
    """
    if words[:1] != ["run"]:
        return "interrupted"
    hidden = [_hide(word) for word in words]
    lines = [
        "interrupted; the answers until here are kept",
        f"resume with: {shlex.join([*_name_program(words, process), *hidden])}",
    ]
    if hidden != list(words):
        lines.append(f"(with your own words for {HIDDEN})")
    return "\n".join(lines)


def _hide(word: str) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        return str(hide_secrets(word))
    return f"{key}={hide_secrets({key: value})[key]}"


def _name_program(words: Sequence[str], process: Sequence[str]) -> list[str]:
    """Return how this program is called again: by its name where the PATH knows it."""
    program = list(process[: len(process) - len(words)])
    script = Path(program[-1])
    found = shutil.which(script.name)
    if found and script.is_file() and Path(found).resolve() == script.resolve():
        return [script.name]
    return program[1:] if len(program) == 2 and script.is_file() else program
