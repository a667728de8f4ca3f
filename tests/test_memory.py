"""How much memory there is, and which errors say that it ran out."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from evals.errors import DataError
from evals.memory import (
    GIB,
    count_free_host_bytes,
    count_host_bytes,
    is_out_of_memory,
    name_shortage,
    tells_of_memory,
)

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
MIB = 1 << 20


class Groups:
    """A folder like /sys/fs/cgroup, and a file like /proc/self/cgroup."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.cgroups = folder / "cgroup"
        self.own = folder / "own"
        self.own.write_text("".join(f"{line}\n" for line in lines))

    def write(self, name: str, content: str) -> None:
        path = self.cgroups / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")

    def count(self) -> int:
        return count_host_bytes(cgroups=self.cgroups, own=self.own)

    def count_free(self) -> int:
        return count_free_host_bytes(cgroups=self.cgroups, own=self.own)


def test_without_a_limit_there_is_what_the_machine_has(tmp_path: Path) -> None:
    assert count_host_bytes(own=tmp_path / "no Linux") == MACHINE
    groups = Groups(tmp_path, "0::/user.slice/session")
    assert groups.count() == MACHINE
    groups.write("user.slice/session/memory.max", "max")
    groups.write("user.slice/memory.max", str(1 << 60))
    assert groups.count() == MACHINE


@pytest.mark.parametrize(
    "limited", ["job/step/task/memory.max", "job/step/memory.max", "job/memory.max", "memory.max"]
)
def test_the_smallest_limit_of_all_groups_around_it_counts(limited: str, tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0::/job/step/task")
    for name in ("job/step/task", "job/step", "job"):
        groups.write(f"{name}/memory.max", "max")
    groups.write(limited, str(64 * MIB))
    groups.write("job/step/other/memory.max", str(MIB))
    groups.write("other/memory.max", str(MIB))
    assert groups.count() == 64 * MIB


def test_the_first_version_s_limit_counts_beside_other_controllers(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "9:name=systemd:/", "4:memory,hugetlb:/docker/abc", "3:cpuset:/x")
    groups.write("cpuset/x/memory.limit_in_bytes", str(MIB))
    groups.write("memory/docker/abc/memory.limit_in_bytes", "9223372036854771712")
    assert groups.count() == MACHINE
    groups.write("memory/docker/memory.limit_in_bytes", str(64 * MIB))
    assert groups.count() == 64 * MIB


@pytest.mark.parametrize("path", ["/docker/abc", "/../../outside", "/"])
def test_in_a_container_whose_path_is_not_there_the_root_counts(path: str, tmp_path: Path) -> None:
    groups = Groups(tmp_path, f"4:memory:{path}", f"0::{path}")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "memory.max").write_text("1")
    groups.write("memory.max", str(64 * MIB))
    groups.write("memory/memory.limit_in_bytes", str(32 * MIB))
    assert groups.count() == 32 * MIB


def test_what_others_in_the_container_use_is_not_free_but_their_files_are(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0::/job")
    assert 0 < groups.count_free() <= MACHINE
    groups.write("job/memory.max", str(64 * MIB))
    groups.write("job/memory.current", str(50 * MIB))
    assert groups.count_free() == 14 * MIB
    groups.write("job/memory.stat", f"anon 5\ninactive_file {20 * MIB}")
    assert groups.count_free() == 34 * MIB
    groups.write("job/memory.current", str(90 * MIB))
    assert groups.count_free() == 0


def test_the_budget_follows_a_limit() -> None:
    """That of a shell, which needs no rights: in a process of its own."""
    code = (
        "import resource, torch\\n"
        "from evals.memory import count_host_bytes\\n"
        "from evals.models.idefics.cache import CacheShape\\n"
        "from evals.models.idefics.limits import choose_limits\\n"
        "shape = CacheShape((torch.device('cpu'),), 4, 8, torch.float32)\\n"
        "for limit in (4 << 30, 2 << 30):\\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (limit, 4 << 30))\\n"
        "    limits = choose_limits(shape, device=torch.device('cpu'), rows=None)\\n"
        "    print(count_host_bytes() == limit, limits.budget.cache_tokens)\\n"
    ).replace("\\n", "\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (first, many), (second, few) = (line.split() for line in done.stdout.splitlines())
    assert (first, second) == ("True", "True")
    assert int(many) == pytest.approx(2 * int(few), abs=2)


def allocate(kind: str) -> None:
    match kind:
        case "torch":
            torch.empty(1 << 45, dtype=torch.uint8)
        case "numpy":
            np.empty(1 << 60, dtype=np.uint8)
        case "Python":
            bytearray(1 << 60)


@pytest.mark.parametrize("kind", ["torch", "numpy", "Python"])
def test_memory_that_the_host_does_not_have_is_known_as_such(kind: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 (each has a class of its own)
        allocate(kind)
    assert is_out_of_memory(raised.value)
    assert tells_of_memory(raised.exconly())
    assert name_shortage(raised.value).startswith(
        f"this machine's memory ran out ({count_host_bytes() / GIB:.1f} GiB in all"
    )


def test_what_was_wanted_is_told_where_it_is_known() -> None:
    with pytest.raises(RuntimeError) as raised:
        allocate("torch")
    assert "and 32768.0 GiB more were wanted)" in name_shortage(raised.value)


GPU_ERRORS = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    RuntimeError("NCCL error: unhandled cuda error, Cuda failure 2 'out of memory'"),
)


@pytest.mark.parametrize("error", GPU_ERRORS)
def test_what_is_said_of_a_gpu_is_known_as_such(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert name_shortage(error).startswith("the GPU's memory ran out")


def test_of_a_gpu_s_memory_what_was_wanted_is_told() -> None:
    assert "20.00 MiB more were wanted" in name_shortage(GPU_ERRORS[0])


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("std::bad_alloc")],
)
def test_so_is_what_the_system_says(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("could not create a primitive descriptor for a matmul primitive"),
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("out of memory"),
        DataError("a caption about a man who is out of memory"),
        KeyError("memory"),
    ],
)
def test_nothing_else_is(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_nobody_imports_torch_to_be_asked() -> None:
    code = (
        "import sys\n"
        "from evals.memory import is_out_of_memory, name_shortage\n"
        "assert is_out_of_memory(MemoryError()) and not is_out_of_memory(RuntimeError('x'))\n"
        "assert name_shortage(MemoryError())\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
