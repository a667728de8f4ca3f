"""What may be in memory at a time: chosen by the device, halved when it proves too much."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from evals.models.idefics.cache import CacheShape
from evals.models.idefics.schedule import Budget, limit_rows

CPU_ROWS, CPU_PACK_TOKENS = 64, 2816
"""Each decoding step reads all weights, which 64 rows share; a pack's activations stay near the
caches."""
GPU_ROWS, GPU_PACK_TOKENS = 256, 16384
CPU_SHARE, GPU_SHARE = 0.04, 0.5
"""Of the machine's memory, of what is free on the GPU: for keys and values of tokens."""
CAREFUL_GPU_SHARE = 0.35
"""Where a pass that runs out of memory cannot be repeated (`leading.py`)."""
IMAGE_SHARE = 0.25
"""Of that, beside it: for latents, and as much again for keys and values of pictures."""

HOST_HAS_NONE = "can't allocate memory"
"""What torch says of the host's memory."""


@dataclass(slots=True)
class Watch:
    out_of_memory: bool = False


@dataclass(slots=True)
class Limits:
    budget: Budget
    image_bytes: int
    """For the latents of pictures, and as much for their keys and values."""
    notes: list[str] = field(default_factory=list)
    """What a summary should say."""

    @contextmanager
    def watch(self) -> Iterator[Watch]:
        """Halve the budget where memory runs out inside; what was under way is the caller's."""
        watch = Watch()
        try:
            yield watch
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or self.budget.rows == 1:
                raise
            watch.out_of_memory = True
            self.budget = self.budget.halve()
            self.notes.append(
                f"memory ran out; from then on at most {self.budget.rows} answers and "
                f"{self.budget.cache_tokens:,} tokens were under way at a time"
            )
        if watch.out_of_memory:  # outside of `except`, whose traceback holds on to tensors
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def choose_limits(
    cache: CacheShape, *, device: torch.device, rows: int | None, careful: bool = False
) -> Limits:
    """Choose limits for a model that is on its devices already; the fullest of them decides.

    Args:
        cache: what it keeps of a token, and where.
        device: where the latents of pictures are.
        rows: at most so many answers at a time; `None` for as many as is quick.
        careful: leave more of a GPU free.
    """
    on_gpu = device.type == "cuda"
    share = CAREFUL_GPU_SHARE if careful else GPU_SHARE
    sizes = cache.count_token_bytes()
    free = {
        each: _free_gpu_bytes(each) * share if on_gpu else _cpu_bytes() * CPU_SHARE
        for each in (device, *sizes)
    }
    fitting = min(int(free[each] / size) for each, size in sizes.items())
    budget = Budget(
        rows=GPU_ROWS if on_gpu else CPU_ROWS,
        cache_tokens=max(1, fitting),
        pack_tokens=GPU_PACK_TOKENS if on_gpu else CPU_PACK_TOKENS,
    )
    return Limits(limit_rows(budget, rows), image_bytes=int(min(free.values()) * IMAGE_SHARE))


def is_out_of_memory(error: Exception) -> bool:
    """Whether it says so, of a GPU or of the host."""
    # torch has no exception class of its own for memory that the host cannot give.
    return isinstance(error, torch.OutOfMemoryError) or HOST_HAS_NONE in str(error)


def tells_of_memory(traceback: str) -> bool:
    """Whether a traceback ends in such an error."""
    return torch.OutOfMemoryError.__name__ in traceback or HOST_HAS_NONE in traceback


def _free_gpu_bytes(device: torch.device) -> int:
    free, _ = torch.cuda.mem_get_info(device)
    return free


def _cpu_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
