"""From prompts to answers: one batch under way, refilled as its answers finish."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from evals.models.idefics.batch import Batch, Memory
from evals.models.idefics.beam import BeamSearch, advance_beams
from evals.models.idefics.greedy import Answer, GreedySearch, advance_greedily
from evals.models.idefics.limits import Limits
from evals.models.idefics.prefix import Prefix
from evals.models.idefics.rules import Rules
from evals.models.idefics.schedule import Job, Schedule
from evals.models.idefics.tokens import EncodedPrompt


class Search(Protocol):
    """What becomes of one prompt."""

    answer: Answer | None
    """Given once it is complete."""

    @property
    def tokens(self) -> list[int]:
        """The newest token of each branch."""
        ...

    @property
    def origins(self) -> list[int]:
        """Which branch of the previous step each comes from."""
        ...


@torch.inference_mode()
def generate(
    prompts: Mapping[int, EncodedPrompt],
    rules: Rules,
    memory: Memory,
    limits: Limits,
    *,
    prefix: Prefix | None,
) -> Iterator[tuple[int, Answer]]:
    """Yield (key, answer) for each prompt, as they finish.

    When memory runs out, the prompts under way are read again in a smaller batch.

    Raises:
        torch.OutOfMemoryError: not even one prompt at a time fits.
    """
    first = prefix.num_tokens if prefix else 0
    jobs = [
        Job(key, len(prompt.ids) - first, len(prompt.images)) for key, prompt in prompts.items()
    ]
    decoding = rules.decoding
    schedule = Schedule(
        jobs,
        limits.budget,
        num_new_tokens=decoding.max_new_tokens,
        num_branches=decoding.num_beams,
    )
    while schedule:
        layout = schedule.lay_out()
        under_way: dict[int, _UnderWay] = {}
        with limits.watch(memory.release) as watch:
            # Nothing here holds the batch: its memory is free before the next, smaller one.
            yield from _fill_and_empty(
                Batch(
                    memory,
                    num_slots=layout.num_slots,
                    num_tokens=layout.num_tokens,
                    num_new_tokens=decoding.max_new_tokens,
                    num_branches=decoding.num_beams,
                    prefix=prefix,
                ),
                schedule,
                prompts,
                rules,
                under_way,
            )
        if watch.out_of_memory:
            schedule.put_back([each.job for each in under_way.values()], limits.budget)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    job: Job
    search: Search


def _fill_and_empty(
    batch: Batch,
    schedule: Schedule,
    prompts: Mapping[int, EncodedPrompt],
    rules: Rules,
    under_way: dict[int, _UnderWay],
) -> Iterator[tuple[int, Answer]]:
    """Answer prompts until all that were admitted are answered and none fits any more.

    `under_way` holds, slot by slot, what is not answered yet.
    """
    start, advance = _choose_search(rules)

    def step(logits: Tensor, slots: Sequence[int]) -> Iterator[tuple[int, Answer]]:
        advance(logits, [under_way[slot].search for slot in slots], rules)
        for slot in slots:
            if answer := under_way[slot].search.answer:
                batch.release(slot)
                yield under_way.pop(slot).job.index, answer

    while True:
        free = iter(batch.free)
        packs = schedule.admit(len(batch.free), num_running=len(under_way))
        admitted = [{next(free): job for job in pack} for pack in packs]
        for pack in admitted:
            for slot, job in pack.items():
                under_way[slot] = _UnderWay(job, start(prompts[job.index].ids))
        for pack in admitted:
            logits = batch.read(list(pack), [prompts[job.index] for job in pack.values()])
            yield from step(logits, list(pack))
        if not under_way:
            return
        slots = sorted(under_way)
        searches = [under_way[slot].search for slot in slots]
        logits = batch.append(
            [search.tokens for search in searches], [search.origins for search in searches]
        )
        yield from step(logits, slots)


def _choose_search(
    rules: Rules,
) -> tuple[Callable[[tuple[int, ...]], Search], Callable[[Tensor, Sequence[Any], Rules], None]]:
    if rules.decoding.num_beams == 1:
        return GreedySearch, advance_greedily
    return BeamSearch, advance_beams
