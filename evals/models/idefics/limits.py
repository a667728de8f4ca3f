"""What may be in memory at a time: chosen by the device, halved when it proves too much."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from evals.memory import count_host_bytes
from evals.models.idefics.cache import CacheShape
from evals.models.idefics.retrying import Watch, watch_memory
from evals.models.idefics.schedule import Budget, limit_rows

CPU_ROWS, CPU_PACK_TOKENS = 64, 2816
"""Each decoding step reads all weights, which 64 rows share; a pack's activations stay near the
caches."""
GPU_ROWS, GPU_PACK_TOKENS = 256, 16384
CPU_SHARE, GPU_SHARE = 0.04, 0.5
"""Of the host's memory, of what is free on the GPU: for keys and values of tokens."""
CAREFUL_GPU_SHARE = 0.35
"""Where a pass that runs out of memory cannot be repeated (`leading.py`)."""
IMAGE_SHARE = 0.25
"""Of that, beside it: for latents, and as much again for keys and values of pictures."""


@dataclass(slots=True)
class Limits:
    budget: Budget
    image_bytes: int
    """For the latents of pictures, and as much for their keys and values."""
    notes: list[str] = field(default_factory=list)
    """What a summary should say."""

    @contextmanager
    def watch(self, let_go: Callable[[], None]) -> Iterator[Watch]:
        """Halve the budget where memory runs out inside; what was under way is the caller's.

        Args:
            let_go: forgets what is held for later, so that the smaller budget is all there is.
        """
        with watch_memory(may_retry=self.budget.rows > 1, let_go=let_go) as watch:
            yield watch
        if watch.out_of_memory:
            self.budget = self.budget.halve()
            self.notes.append(
                f"memory ran out; from then on at most {self.budget.rows} answers and "
                f"{self.budget.cache_tokens:,} tokens were under way at a time"
            )


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
        each: _free_gpu_bytes(each) * share if on_gpu else count_host_bytes() * CPU_SHARE
        for each in (device, *sizes)
    }
    fitting = min(int(free[each] / size) for each, size in sizes.items())
    budget = Budget(
        rows=GPU_ROWS if on_gpu else CPU_ROWS,
        cache_tokens=max(1, fitting),
        pack_tokens=GPU_PACK_TOKENS if on_gpu else CPU_PACK_TOKENS,
    )
    return Limits(limit_rows(budget, rows), image_bytes=int(min(free.values()) * IMAGE_SHARE))


def _free_gpu_bytes(device: torch.device) -> int:
    free, _ = torch.cuda.mem_get_info(device)
    return free
