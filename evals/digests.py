"""The sha256 of files, remembered: a checkpoint of 160 GB and 120,000 pictures are read once.

A file is remembered by its path, size, and times of modification and of status change (which
nobody sets back, so that `cp -p` over a file is seen), in one SQLite file of the cache folder. What
cannot be remembered (a read-only folder, a disk without locks) costs time and nothing else.
"""

import atexit
import hashlib
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

from evals.files import cache_dir

SETTLED_NS = 2_000_000_000
"""Coarser than any file system's clock (FAT ticks every two seconds)."""
DIGESTS = "sha256.sqlite"

_TABLE = "CREATE TABLE IF NOT EXISTS digests (path BLOB PRIMARY KEY, stamp, sha256, proof)"
_lock = threading.Lock()
_open: dict[tuple[int, Path], sqlite3.Connection] = {}
"""At most one, by process and file: a connection must not be used after a fork."""


def sha256_file(path: Path, *, verify: bool = False) -> str:
    """Return a file's sha256, reading its bytes only where they are not remembered.

    A file that was changed within the last two seconds is not remembered: it may change again, to
    the same size, before the file system's clock ticks.

    Args:
        path: a file, or a link to one.
        verify: read the bytes again, whatever is remembered.

    Raises:
        OSError: it cannot be read.
    """
    path = path.resolve()
    stamp = stamp_file(path)
    if not verify and (known := _recall(path, stamp)):
        return known
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time_ns() - int(stamp.split()[1]) > SETTLED_NS:
        _remember(path, stamp, digest)
    return digest


def stamp_file(path: Path) -> str:
    """Return a file's size in bytes and times of modification and status change in ns.

    Raises:
        OSError: there is none.
    """
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _recall(path: Path, stamp: str) -> str | None:
    query = "SELECT sha256, proof FROM digests WHERE path = ? AND stamp = ?"
    with suppress(sqlite3.Error, OSError), _lock:
        found = _connect().execute(query, (os.fsencode(path), stamp)).fetchone()
        if found and found[1] == _prove(path, stamp, found[0]):
            return str(found[0])
    return None


def _remember(path: Path, stamp: str, digest: str) -> None:
    row = (os.fsencode(path), stamp, digest, _prove(path, stamp, digest))
    with suppress(OSError), _lock:
        try:
            _connect().execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?)", row)
        except sqlite3.OperationalError:  # locked, full, read-only
            return
        except sqlite3.DatabaseError:  # damaged: what it held is found out again
            _close()
            (cache_dir() / DIGESTS).unlink(missing_ok=True)


def _connect() -> sqlite3.Connection:
    key = (os.getpid(), cache_dir().absolute() / DIGESTS)
    if key not in _open:
        _close()
        key[1].parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            key[1], timeout=1.0, isolation_level=None, check_same_thread=False
        )
        _open[key] = connection
        # Rows carry a proof, so that one which a power failure damaged is never believed.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_TABLE)
    return _open[key]


@atexit.register
def _close() -> None:
    for (process, _), connection in _open.items():
        if process == os.getpid():
            connection.close()
    _open.clear()


def _prove(path: Path, stamp: str, digest: str) -> str:
    content = b"\0".join((os.fsencode(path), stamp.encode(), digest.encode()))
    return hashlib.sha256(content).hexdigest()[:16]
