"""How much memory a process took at most, workers that it started included."""

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def read_peak_bytes() -> int:
    """Return the most memory that was resident at once in this process."""
    status = PROC / "self" / "status"
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_resident_bytes() -> int:
    """Return what is resident in this process now; where the system does not say, its peak."""
    statm = PROC / "self" / "statm"
    if statm.is_file():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return read_peak_bytes()


def reset_peak_bytes() -> None:
    """Give back what is free, and let the peak be what is resident now; where the system can."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    with suppress(OSError):
        (PROC / "self" / "clear_refs").write_text("5")


def read_worker_bytes(pid: int) -> int:
    """Return the memory of all processes below `pid`, what they share counted once in all.

    0 where the system does not say.
    """
    return sum(_read_share(child) for child in _list_descendants(pid))


def _list_descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*"):
        try:
            children = [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it ended in between
            continue
        for child in children:
            found += [child, *_list_descendants(child)]
    return found


def _read_share(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
