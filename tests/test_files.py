"""Files are written whole or not at all, and hashed once a content."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.files import cache_dir, sha256_file, sha256_json, write_atomic


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


# ------------------------------------------------------------------------- writing


def test_text_and_bytes_are_written_into_folders_that_are_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "text", "é\n")
    write_atomic(tmp_path / "a" / "bytes", b"\xff\x00")
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "é\n".encode()
    assert (tmp_path / "a" / "bytes").read_bytes() == b"\xff\x00"
    assert oct((tmp_path / "a" / "bytes").stat().st_mode & 0o777) == "0o644"


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):  # met at the last step, the replacement
        write_atomic(tmp_path / "folder", "new")
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_reader_sees_the_old_content_or_the_new_whatever_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    script = (
        "import sys\nfrom pathlib import Path\nfrom evals.files import write_atomic\n"
        "for n in range(10**9):\n"
        "    write_atomic(Path(sys.argv[1]), bytes([n % 2 + 65]) * 1_000_000)\n"
        "    print(n, flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    whole = (b"A" * 1_000_000, b"B" * 1_000_000)
    for _ in range(30):
        assert path.read_bytes() in whole
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert path.read_bytes() in whole


# ------------------------------------------------------------------------- hashes of files


def test_a_files_hash_is_remembered_in_the_cache_and_may_be_verified(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_old(path, b"one")
    assert sha256_file(path) == digest(b"one")
    # Same size and time: the cache cannot know, which is its price; `verify` reads the bytes.
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert sha256_file(path) == digest(b"one")
    assert sha256_file(path, verify=True) == digest(b"two")
    assert sha256_file(path) == digest(b"two")


def test_a_changed_size_or_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_old(path, b"one")
    assert sha256_file(path) == digest(b"one")
    write_old(path, b"longer")
    assert sha256_file(path) == digest(b"longer")
    write_old(path, b"hourly", seconds_ago=3600)
    assert sha256_file(path) == digest(b"hourly")


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


def test_a_torn_cache_entry_is_ignored(tmp_path: Path, own_cache: Path) -> None:
    path = tmp_path / "file"
    write_old(path, b"content")
    sha256_file(path)
    entries = [entry for entry in own_cache.rglob("*") if entry.is_file()]
    assert len(entries) == 1
    entries[0].write_text("torn")
    assert sha256_file(path) == digest(b"content") == entries[0].read_text()


def test_a_missing_file_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "nowhere")


def test_the_cache_folder_is_the_users_or_the_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALS_CACHE_DIR", "given")
    assert cache_dir() == Path("given")
    monkeypatch.delenv("EVALS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "xdg")
    assert cache_dir() == Path("xdg/idefics-evals")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "home")
    assert cache_dir() == Path("home/.cache/idefics-evals")


# ------------------------------------------------------------------------- hashes of values


@given(st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.text()), max_size=4))
def test_a_values_hash_ignores_the_order_of_keys(value: dict[str, object]) -> None:
    assert sha256_json(value) == sha256_json(dict(reversed(value.items())))
    assert sha256_json(value) == sha256_json(json.loads(json.dumps(value)))


def test_a_values_hash_is_that_of_its_canonical_spelling() -> None:
    assert sha256_json({"b": [1, None], "a": "é"}) == digest('{"a":"é","b":[1,null]}'.encode())
    assert sha256_json("\ud800") != sha256_json("\ud801") != sha256_json("?")
