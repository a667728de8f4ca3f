"""What waits for a worker: requests read ahead, handed out in chunks of like length.

Nobody here knows where a chunk goes. The longest come first, so that a run does not end with one
worker at the longest; requests of like length keep their order, and so does what they share (a
picture's questions, a prefix).
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

from evals.types import Prompt, Text

MIN_CHUNK = 32
"""At the end chunks become smaller, so that all workers end together; not smaller than this."""
MAX_AHEAD = 4
"""Chunks that are read before the first goes out: wording prompts takes time, too."""
NUM_BUCKETS = 4
"""Lengths of which one is at most 2 ** (1 / NUM_BUCKETS) times the other are alike."""


class Item(Protocol):
    """A request, or whatever else is answered by its id."""

    @property
    def id(self) -> str: ...


AnyItem = TypeVar("AnyItem", bound=Item)


@dataclass(eq=False, slots=True)
class Chunk(Generic[AnyItem]):
    """What one worker is given at a time."""

    unanswered: dict[str, AnyItem]
    """Id -> item; each leaves with its answer."""
    num_deaths: int = 0
    """Workers in a row that had it, died, and answered nothing of it."""


class Waiting(Generic[AnyItem]):
    """Items that no worker has yet."""

    def __init__(
        self, items: Iterable[AnyItem], length: Callable[[AnyItem], int], *, chunk_size: int
    ) -> None:
        self._items = iter(items)
        self._length = length
        self._chunk_size = chunk_size
        self._read: list[tuple[int, int, AnyItem]] = []
        """(bucket, longest first; number; item), in order."""
        self._num_read = 0
        self._returned: deque[Chunk[AnyItem]] = deque()
        self._is_read = False

    def __len__(self) -> int:
        return len(self._read) + sum(len(chunk.unanswered) for chunk in self._returned)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to hand out."""
        return self._is_read and not self._read and not self._returned

    def read_ahead(self, limit: int, *, at_most: int) -> bool:
        """Read some items, as long as no more than `limit` wait; return whether there were any."""
        wanted = min(at_most, limit - len(self._read))
        if self._is_read or wanted <= 0:
            return False
        read = list(islice(self._items, wanted))
        for item in read:
            bucket = -int(NUM_BUCKETS * math.log2(max(1, self._length(item))))
            # Numbers differ, so that items are never compared.
            insort(self._read, (bucket, self._num_read, item))
            self._num_read += 1
        self._is_read = len(read) < wanted
        return bool(read)

    def take(self, num_workers: int) -> Chunk[AnyItem] | None:
        """Return what a worker is to answer next, of so many workers; `None` where nothing waits.

        What a dead worker left comes first.
        """
        if self._returned:
            return self._split(self._returned.popleft(), num_workers)
        enough = self._chunk_size * min(num_workers, MAX_AHEAD) + 1  # one more: is it the last?
        self.read_ahead(enough, at_most=enough)
        size = self._choose_size(num_workers)
        taken, self._read = self._read[:size], self._read[size:]
        return Chunk({item.id: item for _, _, item in taken}) if taken else None

    def _choose_size(self, num_workers: int) -> int:
        """Choose half of a fair share of what waits, as others may be quicker; alone, all of it."""
        shares = 2 * num_workers if num_workers > 1 else 1
        return min(self._chunk_size, max(MIN_CHUNK, math.ceil(len(self) / shares)))

    def _split(self, chunk: Chunk[AnyItem], num_workers: int) -> Chunk[AnyItem]:
        """Return a part of a returned chunk, where others have nothing to do otherwise."""
        size = min(len(chunk.unanswered), self._choose_size(num_workers))
        items = list(chunk.unanswered.items())
        self.put_back(Chunk(dict(items[size:]), chunk.num_deaths))
        return Chunk(dict(items[:size]), chunk.num_deaths)

    def put_back(self, chunk: Chunk[AnyItem]) -> None:
        """Take back what a dead worker has not answered; the next that asks gets it."""
        if chunk.unanswered:
            self._returned.append(chunk)


def estimate_length(prompt: Prompt) -> int:
    """Return about how many tokens a prompt has: four characters one, a picture three."""
    return sum(-(-len(part.text) // 4) if isinstance(part, Text) else 3 for part in prompt)
