"""Files: written whole or not at all; and the cache folder."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


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


def sha256_json(value: object) -> str:
    """Return the sha256 of a JSON value in its canonical spelling (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
