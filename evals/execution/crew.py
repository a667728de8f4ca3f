"""The workers: started where there is room, heard, and replaced when they die or hang."""

import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from evals.errors import EvalError, WorkerError, list_problems
from evals.execution.chunks import Chunk
from evals.execution.cluster import list_nodes
from evals.execution.members import Heard, Member, describe_death
from evals.execution.sizes import Size, count_workers
from evals.execution.worker import Sent, Worker, choose_variables
from evals.types import ModelInfo, ModelSpec

RECOUNT_SECONDS = 2.0
"""Between two looks at which machines there are."""
PATIENCE_SECONDS = 60.0
"""Without any worker, before a warning says so."""
LOADING_FACTOR = 4
"""So many times `hang_seconds` to load a model: it may have to be downloaded."""
MAX_DEATHS = 3
"""Of workers in a row that die while they load, or with the same chunk and no answer to it."""


@dataclass(eq=False)
class Crew:
    """Mutable on purpose: who is there, and who does what."""

    ray: Any
    spec: ModelSpec
    info: ModelInfo
    size: Size
    num_workers: int | None
    """`None`: as many as fit, also on machines that come later."""
    hang_seconds: float | None
    members: list[Member] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _num_started: int = 0
    _num_loading_deaths: int = 0
    _wanted: int = 0
    _counted_at: float = float("-inf")
    _lonely_since: float | None = None
    """Since when no worker has a place."""
    _has_warned: bool = False

    @property
    def idle(self) -> list[Member]:
        return [member for member in self.members if member.is_idle]

    @property
    def num_ready(self) -> int:
        return sum(member.awaited is None for member in self.members)

    @property
    def is_busy(self) -> bool:
        return any(member.chunk is not None for member in self.members)

    def staff(self) -> None:
        """Start the workers that are missing; Ray lets each wait until there is room for it."""
        now = time.monotonic()
        if now - self._counted_at >= RECOUNT_SECONDS:
            self._counted_at = now
            fitting = count_workers(list_nodes(self.ray), self.size)
            self._wanted = fitting if self.num_workers is None else self.num_workers
            self._warn_if_lonely(now)
        gives_up = self._num_loading_deaths >= MAX_DEATHS and self.num_ready
        while len(self.members) < self._wanted and not gives_up:
            self._start()

    def wait_for_one(self) -> None:
        """Wait until a worker is ready.

        Raises:
            EvalError: the model cannot be loaded.
        """
        while not self.idle:
            self.staff()
            if error := self.listen(1.0).error:
                raise error

    def give(self, member: Member, kind: str, chunk: Chunk[Any], items: Sequence[Any]) -> None:
        """Let a worker answer a chunk, whose items travel as `items`."""
        member.chunk, member.heard_at, member.has_answered = chunk, time.monotonic(), False
        member.answers = member.actor.answer.options(num_returns="streaming").remote(kind, items)

    def listen(self, seconds: float) -> Heard:
        """Take what has come, waiting so long for a first; who died or hangs leaves the crew."""
        heard = Heard()
        ready = self._find_ready(seconds)
        for member in ready:
            try:
                sent = self._receive(member)
            except self._exceptions.RayTaskError as error:  # it could not even be asked
                heard.error = WorkerError(
                    f"{member} does not understand what it is told ({error.cause!r}); install the "
                    "same packages on every machine"
                )
            except self._exceptions.RayError as error:
                self._bury(member, describe_death(error), heard)
            else:
                self._note(member, sent, heard)
        now = time.monotonic()
        for member in set(self.members) - set(ready):
            silent = now - member.heard_at
            if self.hang_seconds is None or member.place is None:  # it waits for room
                continue
            if member.chunk and silent > self.hang_seconds:
                self._bury(member, f"no answer for {silent:.0f} seconds", heard)
            elif member.awaited and silent > LOADING_FACTOR * self.hang_seconds:
                self._bury(member, f"not loaded after {silent:.0f} seconds", heard)
        return heard

    def abandon(self) -> None:
        """End the workers whose answers nobody waits for any more."""
        for member in self.members[:]:
            if member.chunk is not None:
                self._end(member)

    def close(self) -> None:
        for member in self.members[:]:
            self._end(member)

    @cached_property
    def _exceptions(self) -> Any:
        return self.ray.exceptions

    @cached_property
    def _actor_class(self) -> Any:
        return self.ray.remote(Worker).options(
            num_cpus=self.size.cpus,
            num_gpus=self.size.gpus,
            max_restarts=0,
            scheduling_strategy="SPREAD",
        )

    def _start(self) -> None:
        self._num_started += 1
        actor = self._actor_class.remote(choose_variables(self.size.cpus))
        self.members.append(Member(self._num_started, actor, actor.get_place.remote()))

    def _find_ready(self, seconds: float) -> list[Member]:
        awaited = {
            member.answers if member.awaited is None else member.awaited: member
            for member in self.members
            if not member.is_idle
        }
        references = list(awaited)
        if not references:
            time.sleep(seconds)
            return []
        ready, _ = self.ray.wait(references, num_returns=len(references), timeout=0)
        if not ready and seconds:
            ready, _ = self.ray.wait(references, num_returns=1, timeout=seconds)
        return [awaited[reference] for reference in ready]

    def _receive(self, member: Member) -> Sent:
        """Take the next of what a worker has sent."""
        if member.awaited is None:
            member.heard_at = time.monotonic()
            try:
                sent: Sent = self.ray.get(next(member.answers))
            except StopIteration:
                member.chunk = member.answers = None
                return Sent()
            return sent
        if member.place is None:
            member.place, member.heard_at = self.ray.get(member.awaited), time.monotonic()
            member.awaited = member.actor.load.remote(self.spec, self.info)
            return Sent()
        sent = self.ray.get(member.awaited)
        member.awaited = None
        if not sent.error:
            self._num_loading_deaths = 0
        return sent

    def _note(self, member: Member, sent: Sent, heard: Heard) -> None:
        self.notes += [f"{member}: {note}" for note in sent.notes]
        for warning in sent.warnings:
            warnings.warn(f"{member}: {warning}", RuntimeWarning, stacklevel=2)
        for answer in sent.answers:
            assert member.chunk is not None
            del member.chunk.unanswered[answer.id]
            member.has_answered = True
            heard.answers.append(answer)
        if sent.error and member.chunk is None:
            self._bury(member, f"{type(sent.error).__name__}: {sent.error}", heard, sent.error)
        elif sent.is_lost:
            self._bury(member, f"{type(sent.error).__name__}: {sent.error}", heard)
        elif sent.error:
            heard.error = sent.error

    def _bury(
        self, member: Member, reason: str, heard: Heard, error: BaseException | None = None
    ) -> None:
        """Take a dead worker from the crew; one of several in a row is an error."""
        chunk = member.chunk
        self._end(member)
        if chunk is None:
            self._bury_unready(member, reason, heard, error)
            return
        num_left = len(chunk.unanswered)
        self.notes.append(f"{member} died ({reason}); the {num_left} left to it went to others")
        chunk.num_deaths = 0 if member.has_answered else chunk.num_deaths + 1
        heard.left.append(chunk)
        if chunk.num_deaths >= MAX_DEATHS:
            heard.error = WorkerError(
                f"{MAX_DEATHS} workers in a row died with these requests and without an answer to "
                f"any of them (the last: {reason}); all other answers are kept:\n"
                f"{list_problems(chunk.unanswered)}"
            )

    def _bury_unready(
        self, member: Member, reason: str, heard: Heard, error: BaseException | None
    ) -> None:
        """A model that cannot be loaded is an error, unless others have loaded it."""
        self._num_loading_deaths += 1
        is_last = self._num_loading_deaths == MAX_DEATHS
        ending = "; no more are started while others work" if is_last and self.num_ready else ""
        self.notes.append(f"{member} ended before it was ready ({reason}){ending}")
        if self.num_ready:
            return
        if error is not None:
            if isinstance(error, EvalError) and member.is_elsewhere:
                error.args = (f"{error} ({member})",)
            heard.error = error
        elif self._num_loading_deaths >= MAX_DEATHS:
            heard.error = WorkerError(
                f"{MAX_DEATHS} workers in a row died before they were ready, the last with: "
                f"{reason}"
            )

    def _end(self, member: Member) -> None:
        self.members.remove(member)
        with suppress(self._exceptions.RayError):
            self.ray.kill(member.actor)

    def _warn_if_lonely(self, now: float) -> None:
        """Say once that no worker finds room."""
        if self._lonely_since is None or any(member.place for member in self.members):
            self._lonely_since = now
        if self._has_warned or now - self._lonely_since < PATIENCE_SECONDS:
            return
        self._has_warned = True
        warnings.warn(
            f"no worker has found room for {PATIENCE_SECONDS:.0f} seconds; each takes "
            f"{self.size.cpus} CPUs and {self.size.gpus} GPUs, and the cluster has "
            f"{list_nodes(self.ray)}",
            RuntimeWarning,
            stacklevel=2,
        )
