"""What may be done again with less where memory runs out."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from evals.memory import is_out_of_memory


@dataclass(slots=True)
class Watch:
    out_of_memory: bool = False


@contextmanager
def watch_memory(*, may_retry: bool, let_go: Callable[[], None] | None = None) -> Iterator[Watch]:
    """Note that memory ran out inside, rather than raise it, and free what can be freed.

    Args:
        may_retry: there is something smaller that the caller does then; else it is raised.
        let_go: forgets what is held for later.
    """
    watch = Watch()
    try:
        yield watch
    except (RuntimeError, MemoryError, OSError) as error:
        if not may_retry or not is_out_of_memory(error):
            raise
        watch.out_of_memory = True
    if watch.out_of_memory:  # outside of `except`, whose traceback holds on to tensors
        if let_go is not None:
            let_go()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
