"""What may be in memory at a time: chosen by the device, halved when it proves too much."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from evals.models.idefics.cache import count_token_bytes
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.schedule import Budget, limit_rows

CPU_ROWS, CPU_PACK_TOKENS = 64, 2816
"""Each decoding step reads all weights, which 64 rows share; a pack's activations stay near the
caches."""
GPU_ROWS, GPU_PACK_TOKENS = 256, 16384
CPU_SHARE, GPU_SHARE = 0.04, 0.5
"""Of the machine's memory, of what is free on the GPU: for keys and values of tokens."""
IMAGE_SHARE = 0.25
"""Of that, beside it: for latents, and as much again for keys and values of pictures."""


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
            if not _is_out_of_memory(error) or self.budget.rows == 1:
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
    config: IdeficsConfig, *, device: torch.device, dtype: torch.dtype, rows: int | None
) -> Limits:
    """Choose limits for a model that is on its device already.

    Args:
        config: of the model.
        device: where it is.
        dtype: of its weights.
        rows: at most so many answers at a time; `None` for as many as is quick.
    """
    on_gpu = device.type == "cuda"
    free = _free_gpu_bytes(device) * GPU_SHARE if on_gpu else _cpu_bytes() * CPU_SHARE
    budget = Budget(
        rows=GPU_ROWS if on_gpu else CPU_ROWS,
        cache_tokens=max(1, int(free / count_token_bytes(config, dtype))),
        pack_tokens=GPU_PACK_TOKENS if on_gpu else CPU_PACK_TOKENS,
    )
    return Limits(limit_rows(budget, rows), image_bytes=int(free * IMAGE_SHARE))


def _is_out_of_memory(error: Exception) -> bool:
    # torch has no exception class of its own for memory that the host cannot give.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _free_gpu_bytes(device: torch.device) -> int:
    free, _ = torch.cuda.mem_get_info(device)
    return free


def _cpu_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
