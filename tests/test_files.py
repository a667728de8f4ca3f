"""Files are written whole or not at all; values have hashes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.files import cache_dir, sha256_json, write_atomic

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


# ------------------------------------------------------------------------- hashes of values


def test_the_cache_folder_is_the_users_or_the_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALS_CACHE_DIR", "given")
    assert cache_dir() == Path("given")
    monkeypatch.delenv("EVALS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "xdg")
    assert cache_dir() == Path("xdg/idefics-evals")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "home")
    assert cache_dir() == Path("home/.cache/idefics-evals")


@given(st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.text()), max_size=4))
def test_a_values_hash_ignores_the_order_of_keys(value: dict[str, object]) -> None:
    assert sha256_json(value) == sha256_json(dict(reversed(value.items())))
    assert sha256_json(value) == sha256_json(json.loads(json.dumps(value)))


def test_a_values_hash_is_that_of_its_canonical_spelling() -> None:
    assert sha256_json({"b": [1, None], "a": "é"}) == (
        hashlib.sha256('{"a":"é","b":[1,null]}'.encode()).hexdigest()
    )
    assert sha256_json("\ud800") != sha256_json("\ud801") != sha256_json("?")
