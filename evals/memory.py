"""The host's memory: how much this process may have, and whether an error says that it ran out.

A container, or a job of a scheduler, has a limit of its control group (cgroup, version 1 or 2), and
so may every group around it: the smallest counts. So does a limit of the shell (`ulimit -v`).
"""

import errno
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

GIB = 1 << 30
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
MEMINFO = Path("/proc/meminfo")

_DEVICE = ("CUDA", "CUBLAS", "CUDNN", "NCCL", "HIP", "MPS", "XPU")
"""Words of messages that are of a GPU."""
_RAN_OUT = re.compile(
    "out of memory|(cannot|can't) allocate memory|not enough memory|bad_alloc|alloc_failed"
    "|could not create a (primitive|memory object)$",
    re.I | re.M,
)
"""What torch and its libraries say where they have no exception class of their own for it; the last
is oneDNN, where it has no room for a kernel."""
_WANTED = re.compile(r"allocate ([\d.]+) (bytes|\w?i?B)\b")


@dataclass(frozen=True, slots=True)
class _Group:
    folder: Path
    limit: str
    usage: str

    def read(self, name: str) -> int | None:
        """Return a number; `None` where there is no such file, or no limit ("max")."""
        try:
            text = (self.folder / name).read_text().strip()
        except OSError:
            return None
        return int(text) if text.isdigit() else None

    def count_cache(self) -> int:
        """Return how much of the usage is files that are given up when it is needed."""
        try:
            lines = (self.folder / "memory.stat").read_text().splitlines()
        except OSError:
            return 0
        values = dict(line.split(" ", 1) for line in lines if " " in line)
        found = values.get("total_inactive_file", values.get("inactive_file", "0"))
        return int(found) if found.isdigit() else 0


def count_host_bytes(*, cgroups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """Return how much memory this process may have: the machine's, or the smallest limit."""
    limits = (group.read(group.limit) for group in _list_groups(cgroups, own))
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_read_shell_limit(), *(limit for limit in limits if limit is not None)])


def count_free_host_bytes(*, cgroups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """Return how much of that is free: what programs use in the same container is not."""
    free = [count_host_bytes(cgroups=cgroups, own=own), *_read_available()]
    for group in _list_groups(cgroups, own):
        limit, usage = group.read(group.limit), group.read(group.usage)
        if limit is not None and usage is not None:
            free.append(limit - usage + group.count_cache())
    return max(0, min(free))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the host."""
    if isinstance(error, MemoryError) or _is_torchs(error):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _RAN_OUT.search(str(error)) is not None


def tells_of_memory(traceback: str) -> bool:
    """Whether a traceback, of another process, ends in such an error."""
    return (
        _RAN_OUT.search(traceback) is not None or re.search(r"MemoryError\b", traceback) is not None
    )


def name_shortage(error: BaseException) -> str:
    """Return which memory ran out, how much there is of it and what was wanted, as far as known."""
    text = str(error)
    on_device = _is_torchs(error) or any(word in text for word in _DEVICE)
    whose = "the GPU's memory" if on_device else "this machine's memory"
    size = _count_device_bytes() if on_device else count_host_bytes()
    known = [f"{size / GIB:.1f} GiB in all"] if size else []
    if wanted := _WANTED.search(text):
        known.append(f"{_format_wanted(*wanted.groups())} more were wanted")
    return f"{whose} ran out" + (f" ({', and '.join(known)})" if known else "")


def _list_groups(cgroups: Path, own: Path) -> Iterator[_Group]:
    """Yield the control groups that this process is in, each with those around it."""
    try:
        lines = own.read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, names = cgroups, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            base, names = cgroups / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        # In a container the path may be the machine's, which is not there; its root is its own.
        place = PurePosixPath(path.lstrip("/"))
        inside = () if ".." in place.parts else (place, *place.parents)
        for folder in dict.fromkeys((*(base / each for each in inside), base)):
            yield _Group(folder, *names)


def _read_shell_limit() -> Iterator[int]:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield soft


def _read_available() -> Iterator[int]:
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _is_torchs(error: BaseException) -> bool:
    # Whoever has not imported torch has no error of it; importing it here would take a second.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _count_device_bytes() -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    _, total = torch.cuda.mem_get_info()
    return int(total)


def _format_wanted(number: str, unit: str) -> str:
    return f"{int(number) / GIB:.1f} GiB" if unit == "bytes" else f"{number} {unit}"
