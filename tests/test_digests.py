"""The sha256 of a file is that of its bytes, and remembered while nothing shows a change."""

import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.digests import DIGESTS, sha256_file, stamp_file


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("own_cache")
    monkeypatch.setenv("EVALS_CACHE_DIR", str(folder))
    return folder


def write_old(path: Path, content: bytes, *, seconds_ago: float = 60) -> None:
    path.write_bytes(content)
    when = time.time() - seconds_ago
    os.utime(path, (when, when))


def forge(cache: Path, path: Path, sha256: str, *, with_proof: bool) -> None:
    """Write another sha256 into the row of a file."""
    with sqlite3.connect(cache / DIGESTS) as connection:
        stamp = stamp_file(path)
        content = b"\0".join((os.fsencode(path), stamp.encode(), sha256.encode()))
        proof = digest(content)[:16] if with_proof else "0" * 16
        connection.execute("UPDATE digests SET sha256 = ?, proof = ?", (sha256, proof))
    connection.close()


def test_a_remembered_file_is_not_read_again_unless_it_is_to_be_verified(
    tmp_path: Path, own_cache: Path
) -> None:
    path = tmp_path / "model.safetensors"
    write_old(path, b"one")
    assert sha256_file(path) == digest(b"one")
    forge(own_cache, path, "f" * 64, with_proof=True)
    assert sha256_file(path) == "f" * 64
    assert sha256_file(path, verify=True) == digest(b"one")
    assert sha256_file(path) == digest(b"one")


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """As `cp --preserve` makes it: the time of status change cannot be set back."""
    path = tmp_path / "picture.png"
    write_old(path, b"one")
    assert sha256_file(path) == digest(b"one")
    status = path.stat()
    time.sleep(0.02)  # the clock of a file system ticks every few milliseconds
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert sha256_file(path) == digest(b"two")


@given(contents=st.lists(st.tuples(st.binary(max_size=3), st.integers(3, 9)), max_size=5))
def test_a_files_hash_is_that_of_its_bytes_whatever_is_written_when(
    tmp_path_factory: pytest.TempPathFactory, contents: list[tuple[bytes, int]]
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    for content, minutes in contents:
        write_old(path, content, seconds_ago=60.0 * minutes)
        assert sha256_file(path) == digest(content) == sha256_file(path)


def test_a_file_that_was_just_written_is_hashed_anew(tmp_path: Path) -> None:
    """Two contents of one size within a tick of the file system's clock look the same to it."""
    path = tmp_path / "file"
    tick = time.time_ns() + 60_000_000_000  # does not come of age while the test runs
    for content in (b"one", b"two", b"six"):
        path.write_bytes(content)
        os.utime(path, ns=(tick, tick))
        assert sha256_file(path) == digest(content)


def test_equal_names_in_other_folders_are_other_files_and_links_are_their_files(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_old(tmp_path / name / "file", name.encode())
    os.utime(tmp_path / "b" / "file", ns=(0, (tmp_path / "a" / "file").stat().st_mtime_ns))
    (tmp_path / "link").symlink_to(tmp_path / "a" / "file")
    assert sha256_file(tmp_path / "a" / "file") == digest(b"a")
    assert sha256_file(tmp_path / "b" / "file") == digest(b"b")
    assert sha256_file(tmp_path / "link") == digest(b"a")


@pytest.mark.parametrize("name", ["plain", "p\udcffcture", "a\nb", "é"])
def test_any_name_of_a_file_is_remembered(tmp_path: Path, own_cache: Path, name: str) -> None:
    write_old(tmp_path / name, b"content")
    sha256_file(tmp_path / name)
    forge(own_cache, tmp_path / name, "e" * 64, with_proof=True)
    assert sha256_file(tmp_path / name) == "e" * 64


def test_a_row_that_does_not_prove_itself_is_not_believed(tmp_path: Path, own_cache: Path) -> None:
    path = tmp_path / "file"
    write_old(path, b"content")
    sha256_file(path)
    forge(own_cache, path, "f" * 64, with_proof=False)
    assert sha256_file(path) == digest(b"content")


def test_a_damaged_file_of_digests_is_made_anew(tmp_path: Path, own_cache: Path) -> None:
    path = tmp_path / "file"
    write_old(path, b"content")
    (own_cache / DIGESTS).write_bytes(b"no database " * 1000)
    assert sha256_file(path) == digest(b"content")  # removes it
    assert sha256_file(path) == digest(b"content")  # remembers
    forge(own_cache, path, "f" * 64, with_proof=True)
    assert sha256_file(path) == "f" * 64


def test_a_cache_folder_that_cannot_be_made_costs_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_old(tmp_path / "file", b"content")
    (tmp_path / "blocked").write_text("a file where a folder should be")
    monkeypatch.setenv("EVALS_CACHE_DIR", str(tmp_path / "blocked" / "cache"))
    assert sha256_file(tmp_path / "file") == digest(b"content")


def test_processes_remember_side_by_side(tmp_path: Path) -> None:
    for number in range(40):
        write_old(tmp_path / str(number), str(number).encode())
    script = (
        "import sys\nfrom pathlib import Path\nfrom evals.digests import sha256_file\n"
        "for n in range(40):\n    print(sha256_file(Path(sys.argv[1]) / str(n)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        for _ in range(3)
    ]
    expected = [digest(str(number).encode()) for number in range(40)]
    assert [child.communicate()[0].split() for child in children] == [expected] * 3


def test_a_missing_file_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "nowhere")
