"""Pictures decoded ahead of the model: announced early, asked for later.

How far ahead is bounded, and processes (`workers.py`) are started only where they pay.
"""

import os
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from evals.errors import EvalError
from evals.models.idefics.pixels import read_pixels
from evals.models.idefics.workers import Workers
from evals.types import Image

MAX_WORKERS = 8
MAX_AHEAD = 512
"""Pictures being decoded or decoded and not yet asked for: 77 MB at 224 pixels."""

START_AT = 32
"""So many pictures in all are worth starting processes: a start costs what decoding 20 does."""


class Decoder:
    """Reads pictures, those announced by `prefetch` ahead of time.

    To be used from one thread.
    """

    def __init__(
        self, size: int, *, num_workers: int | None = None, max_ahead: int = MAX_AHEAD
    ) -> None:
        """Start nothing yet: processes start once enough pictures are announced.

        Args:
            size: the side of the square that pictures are resized to.
            num_workers: processes; `None` is half of the CPU cores, 0 decodes in this process.
            max_ahead: pictures decoded and not yet asked for; more are remembered and wait.
        """
        self._size = size
        self._num_workers = default_num_workers() if num_workers is None else num_workers
        self._max_ahead = max_ahead
        self._announced: OrderedDict[str, Image] = OrderedDict()
        self._num_announced = 0
        self._ahead: OrderedDict[str, Future[bytes | None]] = OrderedDict()
        self._workers: Workers | None = None

    @property
    def num_ahead(self) -> int:
        """Pictures being decoded or decoded and not yet asked for."""
        return len(self._ahead)

    def prefetch(self, images: Iterable[Image]) -> None:
        """Announce pictures that will be asked for, in this order. Returns at once.

        A picture that cannot be read is passed over: its error is raised when it is asked for.
        """
        if not self._num_workers:
            return
        for image in images:
            if isinstance(image.source, Path | bytes) or callable(image.source):
                with suppress(EvalError):
                    if image.sha256 not in self._ahead and image.sha256 not in self._announced:
                        self._announced[image.sha256] = image
                        self._num_announced += 1
        self._hand_out()

    def read(self, image: Image) -> bytes:
        """Return a picture's pixels, as `read_pixels` does; nothing is kept.

        A picture that no process has begun with is decoded here, rather than waited for.

        Raises:
            DataError: the picture cannot be read or decoded.
        """
        announced = image.sha256 in self._ahead
        if not announced and len(self._ahead) >= self._max_ahead:
            # What is asked for is not what was announced: the oldest may never be asked for.
            self._withdraw(next(iter(self._ahead)))
        future = self._withdraw(image.sha256)
        decoded = None if future is None else future.result()
        self._hand_out()
        return read_pixels(image, size=self._size) if decoded is None else decoded

    def forget(self, image: Image) -> None:
        """Make room for others: this picture will not be asked for."""
        self._withdraw(image.sha256)
        self._hand_out()

    def close(self) -> None:
        """End the processes. The decoder can still be used, and decodes in this process."""
        self._num_workers = 0
        self._announced.clear()
        if self._workers is not None:
            self._workers.close()

    def _withdraw(self, digest: str) -> "Future[bytes | None] | None":
        """Return a picture's pixels if a process has begun with it; nobody else will."""
        self._announced.pop(digest, None)
        future = self._ahead.pop(digest, None)
        withdrawn = self._workers is not None and self._workers.withdraw(digest)
        return None if withdrawn else future

    def _hand_out(self) -> None:
        """Give announced pictures to the processes, as far as there is room ahead."""
        if self._workers is None:
            if self._num_announced < START_AT:
                return
            self._workers = Workers(self._size)
            weakref.finalize(self, self._workers.close)  # when garbage collected, or at exit
            self._workers.start(self._num_workers)
        if self._workers.failure and self._num_workers:
            warnings.warn(
                f"{self._workers.failure}; pictures are decoded in this process from here on",
                RuntimeWarning,
                stacklevel=2,
            )
            self.close()
        while self._announced and len(self._ahead) < self._max_ahead:
            digest, image = self._announced.popitem(last=False)
            with suppress(EvalError):
                source = image.source if isinstance(image.source, Path) else image.read_bytes()
                self._ahead[digest] = self._workers.submit(digest, source)


def default_num_workers() -> int:
    """Half of the cores that this process may use, at most `MAX_WORKERS`; of one core, none."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(MAX_WORKERS, cores // 2)
