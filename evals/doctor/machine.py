"""Cores, memory, GPUs, disks."""

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

from evals.doctor.findings import Finding, Verdict
from evals.files import cache_dir
from evals.memory import GIB, count_host_bytes
from evals.runner.identity import RUNS_DIR

LITTLE_MEMORY = 4 * GIB
"""METEOR alone asks for 2."""
LITTLE_DISK = 1 * GIB
BFLOAT16_SINCE = 8
"""Compute capability (Ampere)."""


def check_machine() -> Iterator[Finding]:
    yield _check_memory()
    yield from _check_gpus()
    way_out = "free some, or set run_dir= to another disk"
    yield check_disk("disk: runs", RUNS_DIR, Verdict.MISSING, way_out=way_out)
    way_out = "free some, or set EVALS_CACHE_DIR"
    yield check_disk("disk: cache", cache_dir(), Verdict.NOTE, way_out=way_out)


def _check_memory() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = count_host_bytes()
    found = f"{cores} cores, {memory / GIB:.0f} GiB of memory"
    if memory >= LITTLE_MEMORY:
        return Finding("CPU", found)
    return Finding("CPU", found, Verdict.NOTE, "METEOR asks for 2 GiB, a checkpoint for its size")


def _check_gpus() -> Iterator[Finding]:
    import torch

    with warnings.catch_warnings(record=True) as told:  # a driver that is too old, for one
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if not available:
        yield judge_no_gpu(
            torch.__version__,
            built_for=torch.version.cuda,
            has_driver=shutil.which("nvidia-smi") is not None,
            said=str(told[0].message) if told else "",
        )
        return
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = f"{torch.cuda.get_device_name(index)}, CUDA {torch.version.cuda}"
        major, _ = torch.cuda.get_device_capability(index)
        yield judge_gpu(index, name, free=free, total=total, major=major)


def judge_no_gpu(torch: str, *, built_for: str | None, has_driver: bool, said: str) -> Finding:
    """Say why torch finds none, by what it is built for and whether there is a driver."""
    found = f"none that torch {torch} can use"
    if said:
        found += f": {said.splitlines()[0]}"
    if not has_driver:
        way_out = "runs on the CPU: enough for the tiny model and tests, not for a 9b"
    elif built_for is None:
        way_out = "install a torch that is built for CUDA: https://pytorch.org/get-started"
    else:
        way_out = f"torch is built for CUDA {built_for}: compare with what nvidia-smi says"
    return Finding("GPU", found, Verdict.NOTE, way_out)


def judge_gpu(index: int, name: str, *, free: int, total: int, major: int) -> Finding:
    found = f"{name}, {total / GIB:.0f} GiB ({free / GIB:.0f} free)"
    if major >= BFLOAT16_SINCE:
        return Finding(f"GPU {index}", f"{found}, bfloat16")
    way_out = "without bfloat16: give model.dtype=float16 or float32"
    return Finding(f"GPU {index}", found, Verdict.NOTE, way_out)


def check_disk(what: str, folder: Path, otherwise: Verdict, *, way_out: str) -> Finding:
    """Find out how much is free where a folder is, or would be made, and whether it may be."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Finding(what, f"{place} cannot be written", otherwise, way_out)
    found = f"{free / GIB:,.0f} GiB free in {folder}"
    if free < LITTLE_DISK:
        return Finding(what, found, otherwise, way_out)
    return Finding(what, found)
