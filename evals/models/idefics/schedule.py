"""Which prompts are read when, and how many are under way: counts only, no tensors.

A batch has slots of equal room. Longest first: the most memory is asked for at the start, slots
fit what comes after, and neighbours are of like length. As answers finish, their slots are given
to prompts that wait, many at a time, since reading few is slow.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Budget:
    """What fits, and what is quick."""

    rows: int
    """Answers under way at a time; a beam counts as one."""
    cache_tokens: int
    """Tokens whose keys and values are held."""
    pack_tokens: int
    """Tokens that are read in one pass."""

    def halve(self) -> "Budget":
        """Return half of everything.

        Raises:
            ValueError: there is nothing to halve: one row at a time is the least.
        """
        if self.rows == 1:
            raise ValueError("a budget of one row cannot be halved")
        return Budget(
            rows=self.rows // 2,
            cache_tokens=max(1, self.cache_tokens // 2),
            pack_tokens=max(1, self.pack_tokens // 2),
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A prompt to be answered."""

    index: int
    num_tokens: int
    """To be read: less what it shares with others."""
    num_images: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """A batch: how many slots, and how many tokens each prompt has room for."""

    num_slots: int
    num_tokens: int


class Schedule:
    """The jobs that wait."""

    def __init__(
        self, jobs: Sequence[Job], budget: Budget, *, num_new_tokens: int, num_branches: int = 1
    ) -> None:
        """Take the jobs; each answer has `num_branches` rows of up to `num_new_tokens` tokens."""
        self._waiting = deque(sorted(jobs, key=lambda job: (-job.num_tokens, -job.num_images)))
        self._budget = budget
        self._num_branches = num_branches
        self._num_new_tokens = num_branches * num_new_tokens

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def lay_out(self) -> Layout:
        """Return the largest batch for the jobs that wait; one prompt always fits.

        Raises:
            IndexError: no job waits.
        """
        longest = self._waiting[0].num_tokens
        slots = min(
            self._budget.rows // self._num_branches,
            self._budget.cache_tokens // (longest + self._num_new_tokens),
            len(self._waiting),
        )
        return Layout(max(1, slots), longest)

    def admit(self, num_free: int, *, num_running: int) -> list[list[Job]]:
        """Take jobs for free slots, in packs to be read in one pass each; often none.

        None while more answers are under way than slots are free: to read a few prompts costs
        nearly as much as to read many.
        """
        if num_running > num_free:
            return []
        packs: list[list[Job]] = []
        room = 0
        for _ in range(min(num_free, len(self._waiting))):
            job = self._waiting.popleft()
            if not packs or job.num_tokens > room:
                packs.append([])
                room = self._budget.pack_tokens
            packs[-1].append(job)
            room -= job.num_tokens
        return packs

    def put_back(self, jobs: Sequence[Job], budget: Budget) -> None:
        """Let jobs wait again, under a smaller budget: the batch that had them is gone."""
        everything = [*jobs, *self._waiting]
        everything.sort(key=lambda job: (-job.num_tokens, -job.num_images))
        self._waiting = deque(everything)
        self._budget = budget


def limit_rows(budget: Budget, rows: int | None) -> Budget:
    """Return the budget with at most `rows` answers at a time."""
    return budget if rows is None else replace(budget, rows=min(rows, budget.rows))
