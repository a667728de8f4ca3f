"""The latents cache: bounded in memory; on disk, trusted only where it is whole and ours."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from evals.errors import ConfigError
from evals.models.idefics.images import ImageProcessor
from evals.models.idefics.latents import LatentCache, LatentFormat, latents_key
from evals.types import Image
from tests.conftest import REPOSITORY

FORMAT = LatentFormat("k" * 64, (3, 4), torch.float32)
ENTRY_BYTES = 3 * 4 * 4


def image(number: int) -> Image:
    return Image(b"picture %d" % number)


def make_latents(number: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.full((3, 4), float(number)).to(dtype)


def open_cache(
    folder: Path | None, *, max_bytes: int = 0, layout: LatentFormat = FORMAT
) -> LatentCache:
    return LatentCache(layout, max_bytes=max_bytes, folder=folder)


def find_entry(folder: Path) -> Path:
    (path,) = folder.rglob("*.safetensors")
    return path


# ------------------------------------------------------------------------- memory


@given(
    numbers=st.lists(st.integers(0, 7), max_size=40),
    max_bytes=st.integers(0, 5 * ENTRY_BYTES + 1),
)
def test_memory_is_bounded_and_the_least_recently_used_leave_first(
    numbers: list[int], max_bytes: int
) -> None:
    cache = open_cache(None, max_bytes=max_bytes)
    recent: list[int] = []  # the oldest first
    for number in numbers:
        held = cache.get(image(number))
        assert (held is not None) == (number in recent)
        if held is None:
            cache.put(image(number), make_latents(number))
        else:
            assert torch.equal(held, make_latents(number))
        recent = [other for other in recent if other != number] + [number]
        recent = recent[max(0, len(recent) - max_bytes // ENTRY_BYTES) :]
        assert cache.num_bytes == len(recent) * ENTRY_BYTES <= max_bytes
        assert [number for number in range(8) if image(number) in cache] == sorted(recent)


def test_a_picture_that_is_kept_again_is_counted_once() -> None:
    cache = open_cache(None, max_bytes=10 * ENTRY_BYTES)
    for _ in range(3):
        cache.put(image(1), make_latents(1))
    assert cache.num_bytes == ENTRY_BYTES


def test_a_row_of_a_batch_does_not_keep_the_batch_in_memory() -> None:
    cache = open_cache(None, max_bytes=ENTRY_BYTES)
    cache.put(image(1), torch.ones(100, 3, 4)[7])
    held = cache.get(image(1))
    assert held is not None
    assert held.untyped_storage().nbytes() == ENTRY_BYTES


# --------------------------------------------------------------------------- disk


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_second_cache_finds_what_the_first_has_written(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    layout = LatentFormat("key", (3, 4), dtype)
    latents = torch.randn(3, 4).to(dtype)
    open_cache(tmp_path / "made", layout=layout).put(image(1), latents)
    second = open_cache(tmp_path / "made", layout=layout, max_bytes=1000)
    assert image(1) in second
    assert image(2) not in second
    found = second.get(image(1))
    assert found is not None
    assert found.dtype == dtype
    assert torch.equal(found, latents)
    find_entry(tmp_path).unlink()
    assert second.get(image(1)) is found  # in memory by now


def test_an_entry_is_where_the_manual_says_and_nothing_else_is_left(tmp_path: Path) -> None:
    open_cache(tmp_path).put(image(1), make_latents(1))
    digest = image(1).sha256
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [
        tmp_path / "latents" / FORMAT.key / digest[:2] / f"{digest}.safetensors",
    ]
    assert torch.equal(load_file(files[0])["latents"], make_latents(1))


def test_a_file_torn_anywhere_is_not_trusted_and_is_replaced(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(image(1), make_latents(1))
    path = find_entry(tmp_path)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert cache.get(image(1)) is None, length
    cache.put(image(1), make_latents(1))
    assert open_cache(tmp_path).get(image(1)) is not None


def test_a_file_with_any_byte_changed_is_not_trusted(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(image(1), make_latents(1))
    path = find_entry(tmp_path)
    content = path.read_bytes()
    # A space may stand for another one in the header's JSON; every byte of the values counts.
    for position in range(len(content)):
        if content[position] == ord(" "):
            continue
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        )
        assert cache.get(image(1)) is None, position
    path.write_bytes(content)
    assert cache.get(image(1)) is not None


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("key", LatentFormat("another", FORMAT.shape, FORMAT.dtype)),
        ("shape", LatentFormat(FORMAT.key, (4, 3), FORMAT.dtype)),
        ("dtype", LatentFormat(FORMAT.key, FORMAT.shape, torch.int32)),
    ],
)
def test_a_foreign_file_in_an_entrys_place_is_not_trusted(
    name: str, other: LatentFormat, tmp_path: Path
) -> None:
    ours = open_cache(tmp_path / "ours")
    ours.put(image(1), make_latents(1))
    latents = make_latents(1).reshape(other.shape).to(other.dtype)
    theirs = tmp_path / "theirs"
    if name == "dtype":  # only floating point is ever written
        path = find_entry(tmp_path / "ours")
        save_file({"latents": latents}, path)
    else:
        open_cache(theirs, layout=other).put(image(1), latents)
        find_entry(tmp_path / "ours").write_bytes(find_entry(theirs).read_bytes())
    assert ours.get(image(1)) is None


def test_another_pictures_file_is_not_trusted(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(image(1), make_latents(1))
    path = find_entry(tmp_path)
    digest = image(2).sha256
    target = path.parent.parent / digest[:2] / f"{digest}.safetensors"
    target.parent.mkdir(exist_ok=True)
    path.rename(target)
    assert image(2) in cache
    assert cache.get(image(2)) is None


def test_a_file_without_our_tensor_or_metadata_is_not_trusted(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(image(1), make_latents(1))
    path = find_entry(tmp_path)
    for name in ("latents", "other"):
        save_file({name: make_latents(1)}, path)
        assert cache.get(image(1)) is None
    path.unlink()
    path.mkdir()
    assert cache.get(image(1)) is None


def test_a_checksum_guards_the_values(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put(image(1), make_latents(1))
    path = find_entry(tmp_path)
    length = int.from_bytes(path.read_bytes()[:8], "little")
    metadata = json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]
    save_file({"latents": make_latents(1)}, path, metadata)
    assert cache.get(image(1)) is not None
    save_file({"latents": make_latents(2)}, path, metadata)
    assert cache.get(image(1)) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_not_finite_is_neither_written_nor_read(
    value: float, dtype: torch.dtype, tmp_path: Path
) -> None:
    cache = open_cache(tmp_path, layout=LatentFormat("key", FORMAT.shape, dtype))
    broken = make_latents(1, dtype)
    broken[2, 3] = value
    cache.put(image(1), broken)
    assert image(1) not in cache
    cache.put(image(1), make_latents(1, dtype))
    path = find_entry(tmp_path)
    metadata = {
        "key": "key",
        "picture": image(1).sha256,
        "sha256": hashlib.sha256(broken.view(torch.uint8).numpy()).hexdigest(),
    }
    save_file({"latents": make_latents(1, dtype)}, path, metadata)
    assert cache.get(image(1)) is None  # its checksum is the other's
    save_file({"latents": broken}, path, metadata)
    assert cache.get(image(1)) is None


def test_a_folder_that_cannot_be_used_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"model\.cache_dir=.*file/x cannot be used \(Not a dir"):
        open_cache(tmp_path / "file" / "x")


def test_a_folder_that_vanishes_ends_writing_with_one_warning(tmp_path: Path) -> None:
    cache = open_cache(tmp_path, max_bytes=1000)
    (tmp_path / "latents" / FORMAT.key).rmdir()
    (tmp_path / "latents" / FORMAT.key).write_text("in the way")
    with pytest.warns(RuntimeWarning, match=r"no more latents .* \(model\.cache_dir\)"):
        cache.put(image(1), make_latents(1))
    cache.put(image(2), make_latents(2))  # in silence, or the test fails
    assert cache.get(image(1)) is not None
    assert cache.get(image(3)) is None


RUN = """
import sys
from pathlib import Path
from tests.models.idefics.test_latents import image, make_latents, open_cache
import torch
"""


def run_script(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}
    return subprocess.Popen(
        [sys.executable, "-c", RUN + script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_a_full_disk_ends_writing_and_leaves_no_part(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: both fail in the middle of a write."""
    pytest.importorskip("resource")
    process = run_script(
        """
import resource
cache = open_cache(Path(sys.argv[1]), max_bytes=1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for number in range(3):
    cache.put(image(number), make_latents(number))
assert all(torch.equal(cache.get(image(n)), make_latents(n)) for n in range(3))
""",
        tmp_path,
    )
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors.count("RuntimeWarning") == 1, errors
    assert "File too large" in errors
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_two_processes_may_write_and_read_the_same_pictures(tmp_path: Path) -> None:
    script = """
cache = open_cache(Path(sys.argv[1]))
for turn in range(60):
    for number in range(5):
        found = cache.get(image(number))
        assert turn == 0 or found is not None
        assert found is None or torch.equal(found, make_latents(number))
        cache.put(image(number), make_latents(number))
"""
    processes = [run_script(script, tmp_path) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert all(path.suffix == ".safetensors" for path in files)


def test_writers_whose_processes_have_one_number_do_not_meet(tmp_path: Path) -> None:
    """As on two machines that share a disk; here they are threads of one process."""

    def write(_: int) -> None:
        for turn in range(60):
            cache = open_cache(tmp_path)
            cache.put(image(turn % 3), make_latents(turn % 3))
            assert cache.get(image(turn % 3)) is not None

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3


# ---------------------------------------------------------------------------- key


def test_a_key_changes_with_all_that_latents_depend_on() -> None:
    processor = ImageProcessor(28)
    keys = {
        latents_key("a", processor, dtype=torch.float32),
        latents_key("b", processor, dtype=torch.float32),
        latents_key("a", ImageProcessor(56), dtype=torch.float32),
        latents_key("a", ImageProcessor(28, mean=(0.5, 0.5, 0.5)), dtype=torch.float32),
        latents_key("a", ImageProcessor(28, std=(0.5, 0.5, 0.5)), dtype=torch.float32),
        latents_key("a", processor, dtype=torch.bfloat16),
    }
    precision = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        keys.add(latents_key("a", processor, dtype=torch.float32))
    finally:
        torch.set_float32_matmul_precision(precision)
    assert len(keys) == 7
    assert latents_key("a", ImageProcessor(28), dtype=torch.float32) in keys
