"""Readers that misbehave in every way that the harness must notice."""

import ctypes
import time
from collections.abc import Mapping
from pathlib import Path

from evals.errors import DataError
from tests.fuzz.targets import Target


def _refuse(folder: Path) -> None:
    raise DataError(f"{folder / 'a.txt'}: damaged")


def _refuse_without_a_name(folder: Path) -> None:
    raise DataError("something is wrong somewhere")


def _break(folder: Path) -> None:
    raise KeyError("a bug")


def _spin(folder: Path) -> None:
    while True:
        pass


def _sleep(folder: Path) -> None:
    time.sleep(1000)


def _crash(folder: Path) -> None:
    ctypes.string_at(0)


def _swallow(folder: Path) -> None:
    parts = []
    while True:
        parts.append(bytes(1 << 28))


READS = {
    "read": Path.exists,
    "refused": _refuse,
    "unnamed": _refuse_without_a_name,
    "traceback": _break,
    "hang": _spin,
    "silence": _sleep,
    "crash": _crash,
    "memory": _swallow,
}


def make_toys(folder: Path) -> Mapping[str, Target]:
    """Return targets named by what comes of them."""
    return {
        name: Target(name, {"a.txt": b"sound"}, ("a.txt",), read, cpu_seconds=0.3)
        for name, read in READS.items()
    }
