"""Files: written whole or not at all, and known by the sha256 of their bytes."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SETTLED_NS = 2_000_000_000
"""Coarser than any file system's clock (FAT ticks every two seconds)."""


def cache_dir() -> Path:
    """Where what can be made again is kept: `$EVALS_CACHE_DIR`, else the user's cache folder."""
    if explicit := os.environ.get("EVALS_CACHE_DIR"):
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "idefics-evals"


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader or a crash sees the old content or the new, never a part."""
    _write(path, [content.encode() if isinstance(content, str) else content])


def write_lines(path: Path, values: Iterable[object]) -> None:
    """Write JSON values, one a line, as they come; whole or not at all, as `write_atomic`."""
    encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False)
    lines = (encoder.encode(value) + "\n" for value in values)
    _write(path, (line.encode("utf-8", "surrogatepass") for line in lines))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what a disk refuses say where: a write that fails does not name its file by itself."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def _write(path: Path, parts: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with naming(path), os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the user's file creation mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def sha256_file(path: Path, *, verify: bool = False) -> str:
    """Return a file's sha256, remembered by its path, size and modification time.

    A checkpoint of 160 GB is hashed once, not once a run. `verify` reads the bytes again. A file
    that was changed within the last two seconds is not remembered: it may change again, to the
    same size, before the file system's clock ticks.
    """
    path = path.resolve()
    status = path.stat()
    key = hashlib.sha256(f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode()).hexdigest()
    remembered = cache_dir() / "sha256" / key[:2] / key
    if not verify and remembered.is_file():
        digest = remembered.read_text()
        if len(digest) == 64:
            return digest
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
        with suppress(OSError):  # a cache folder that cannot be written costs time, not the run
            write_atomic(remembered, digest)
    return digest


def sha256_json(value: object) -> str:
    """Return the sha256 of a JSON value in its canonical spelling (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
