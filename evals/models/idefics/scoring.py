"""Log-likelihoods of given choices: the closed-ended protocol of Flamingo, IDEFICS and others.

A prompt is read once, and all choices of all prompts of a pack in one pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from evals.models.idefics.batch import Batch, Memory
from evals.models.idefics.limits import Limits
from evals.models.idefics.prefix import Prefix
from evals.models.idefics.schedule import Job, Schedule
from evals.models.idefics.tokens import EncodedChoices, EncodedPrompt


@torch.inference_mode()
def score(
    encoded: Mapping[int, EncodedChoices],
    memory: Memory,
    limits: Limits,
    *,
    prefix: Prefix | None,
) -> Iterator[tuple[int, list[float]]]:
    """Yield (key, each choice's summed log-probability) for each prompt.

    The first token's comes from the prompt's own logits; a choice of one token costs nothing.

    Raises:
        torch.OutOfMemoryError: not even one prompt at a time fits.
    """
    first = prefix.num_tokens if prefix else 0
    jobs = [
        Job(key, len(each.shared.ids) - first, len(each.shared.images))
        for key, each in encoded.items()
    ]
    schedule = Schedule(jobs, limits.budget, num_new_tokens=0)
    while schedule:
        layout = schedule.lay_out()
        packs: list[list[Job]] = []
        with limits.watch(memory.release) as watch:
            # Nothing here holds the batch: its memory is free before the next, smaller one.
            yield from _score_packs(
                Batch(
                    memory,
                    num_slots=layout.num_slots,
                    num_tokens=layout.num_tokens,
                    num_new_tokens=0,
                    prefix=prefix,
                ),
                schedule,
                packs,
                encoded,
                pack_tokens=limits.budget.pack_tokens,
            )
        if watch.out_of_memory:
            schedule.put_back([job for pack in packs for job in pack], limits.budget)


def _score_packs(
    batch: Batch,
    schedule: Schedule,
    packs: list[list[Job]],
    encoded: Mapping[int, EncodedChoices],
    *,
    pack_tokens: int,
) -> Iterator[tuple[int, list[float]]]:
    """Score as many prompts as the batch has slots; `packs` holds what is not scored yet."""
    packs += schedule.admit(len(batch.free), num_running=0)
    while packs:
        choices = [encoded[job.index] for job in packs[0]]
        sums = _score_pack(batch, choices, pack_tokens=pack_tokens)
        yield from zip((job.index for job in packs.pop(0)), sums, strict=True)


@dataclass(frozen=True, slots=True)
class _Choice:
    slot: int
    tokens: EncodedPrompt


def _score_pack(
    batch: Batch, encoded: Sequence[EncodedChoices], *, pack_tokens: int
) -> list[list[float]]:
    slots = range(len(encoded))
    logits = batch.read(slots, [each.shared for each in encoded])
    flat = [
        _Choice(slot, tokens)
        for slot, each in zip(slots, encoded, strict=True)
        for tokens in each.continuations
    ]
    rows = [choice.slot for choice in flat]
    firsts = [choice.tokens.ids[0] for choice in flat]
    sums = (logits[rows, firsts] - logits.logsumexp(dim=-1)[rows]).tolist()
    longer = [index for index, choice in enumerate(flat) if len(choice.tokens.ids) > 1]
    for part in _split(longer, flat, pack_tokens):
        rest = batch.score(
            [flat[index].slot for index in part], [flat[index].tokens for index in part]
        )
        for index, logprob in zip(part, rest.tolist(), strict=True):
            sums[index] += logprob
    values = iter(sums)
    return [[next(values) for _ in each.continuations] for each in encoded]


def _split(
    indices: Sequence[int], choices: Sequence[_Choice], num_tokens: int
) -> Iterator[list[int]]:
    """Split choices so that each part has up to `num_tokens` tokens, or is one choice."""
    part: list[int] = []
    count = 0
    for index in indices:
        length = len(choices[index].tokens.ids) - 1
        if part and count + length > num_tokens:
            yield part
            part, count = [], 0
        part.append(index)
        count += length
    if part:
        yield part
