"""Disks that are full or may not be written: one error that names the file, and nothing lost."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runner.calls import make_data
from tests.test_cli import evals


@contextmanager
def mount(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mount(tmp_path / "disk", "size=40k") as folder:
        yield folder


@pytest.fixture
def locked_disk(tmp_path: Path) -> Iterator[Path]:
    with mount(tmp_path / "disk", "ro") as folder:
        yield folder


def test_a_full_disk_keeps_the_answers_and_says_how_to_go_on(
    small_disk: Path, tmp_path: Path
) -> None:
    make_data("vqav2", tmp_path / "data" / "vqav2")
    words = ("run", "task=vqav2", "model=mock", "shots=1", f"run_dir={small_disk / 'run'}")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 16_384)  # room is left for the folder's first files alone
    stopped = evals(*words, cwd=tmp_path)
    assert stopped.returncode == 2
    assert "No space left on device; what was written before stays" in stopped.stderr
    assert str(small_disk / "run") in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not (small_disk / "run" / "summary.json").exists()
    filler.unlink()
    done = evals(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["num_queries"] == 4
    leftovers = [path.name for path in (small_disk / "run").iterdir() if path.name[0] == "."]
    assert leftovers == []


def test_a_disk_that_may_not_be_written_is_named(locked_disk: Path, tmp_path: Path) -> None:
    make_data("vqav2", tmp_path / "data" / "vqav2")
    place = locked_disk / "run"
    done = evals("run", "task=vqav2", "model=mock", "shots=0", f"run_dir={place}", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"{place} cannot be written: Read-only file system" in done.stderr
