"""A batch of answers on its way: prompts are read into slots, then grow by a token at a time.

A slot holds a prompt and one branch (greedy search) or several (beams). Branches share their
prompt's keys and values; each has room of its own for what is generated. With one branch, that
room is the prompt's row itself.
Shapes: r rows (a branch each), n tokens, h heads, e head size, v vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evals.models.idefics.attention import Context, ReadNext, ReadRuns
from evals.models.idefics.cache import CacheMemory
from evals.models.idefics.decoder import Seen
from evals.models.idefics.groups import NO_IMAGE, Groups, group_by
from evals.models.idefics.model import Idefics
from evals.models.idefics.packing import lay_out, look, upload
from evals.models.idefics.prefix import Prefix
from evals.models.idefics.projections import Projections
from evals.models.idefics.telling import Tell, tell_nobody, told
from evals.models.idefics.tokens import EncodedPrompt


@dataclass(frozen=True, slots=True)
class Memory:
    """What batches are made in, one after the other."""

    model: Idefics
    projections: Projections
    prompts: CacheMemory
    branches: CacheMemory
    tell: Tell = tell_nobody
    """Of what is done to batches: others may hold shares of the model."""

    def release(self) -> None:
        """Let go of what batches were made in; none must be in use any more."""
        self.prompts.release()
        self.branches.release()


@dataclass(slots=True)
class _Slot:
    num_tokens: int
    """Of its prompt, without the prefix."""
    num_new: int = 0
    sees: bool = False
    """What is generated looks at the picture that the prompt's last token looks at."""


class Batch:
    def __init__(
        self,
        memory: Memory,
        *,
        num_slots: int,
        num_tokens: int,
        num_new_tokens: int,
        num_branches: int = 1,
        prefix: Prefix | None = None,
    ) -> None:
        """Make room.

        Args:
            memory: it must serve no other batch any more.
            num_slots: how many prompts.
            num_tokens: of the longest prompt, less the prefix.
            num_new_tokens: of the longest answer.
            num_branches: of each prompt.
            prefix: what all prompts begin with.
        """
        self.tell = memory.tell
        self._memory = memory
        self._model = memory.model
        self._num_shared = prefix.num_tokens if prefix else 0
        self._shared = [prefix.as_context()] if prefix else []
        self._num_branches = num_branches
        room = num_tokens + (num_new_tokens if num_branches == 1 else 0)
        layout = (num_slots, num_tokens, num_new_tokens, num_branches)
        with self.tell("open", *layout, prefix is not None):
            self._prompts = memory.prompts.divide(num_slots, room)
            self._branches = (
                memory.branches.divide(num_slots * num_branches, num_new_tokens)
                if num_branches > 1
                else []
            )
        self._images: list[Tensor] = []
        """Of each gated layer (slots, 2, l, h, e): what generated tokens look at."""
        self._slots: list[_Slot | None] = [None] * num_slots

    @property
    def free(self) -> list[int]:
        """The slots that hold nothing."""
        return [index for index, slot in enumerate(self._slots) if slot is None]

    @told
    def release(self, slot: int) -> None:
        self._slots[slot] = None

    @told
    def read(self, slots: Sequence[int], prompts: Sequence[EncodedPrompt]) -> Tensor:
        """Read prompts into free slots; return the logits (prompts, v) of their first tokens."""
        own = [prompt.part(self._num_shared) for prompt in prompts]
        order = sorted(range(len(own)), key=lambda index: -len(own[index].ids))
        tokens = lay_out([own[index] for index in order], [self._num_shared] * len(own))
        room = self._prompts[0].keys.shape[1]
        at = self._to_device(
            [slots[index] * room + place for index in order for place in range(len(own[index].ids))]
        )

        def keep(layer: int, keys: Tensor, values: Tensor) -> None:
            lot, places = self._prompts[layer], at.to(keys.device)
            lot.keys.flatten(0, 1)[places] = keys
            lot.values.flatten(0, 1)[places] = values

        hidden = self._model(
            self._to_device(tokens.ids),
            self._to_device(tokens.positions),
            ReadRuns(tokens.runs, self._shared, keep),
            look(tokens, self._model, self._memory.projections),
            read=self._to_device(tokens.last),
        )
        for slot, prompt in zip(slots, own, strict=True):
            self._slots[slot] = _Slot(len(prompt.ids), sees=prompt.image_of_token[-1] != NO_IMAGE)
        self._keep_last_images(slots, own)
        back = sorted(range(len(order)), key=order.__getitem__)
        logits: Tensor = self._model.logits(hidden[self._to_device(back)])
        return logits

    @told
    def append(self, tokens: Sequence[Sequence[int]], origins: Sequence[Sequence[int]]) -> Tensor:
        """Add one token to each branch of the slots in use; return the logits (r, v) of the next.

        A generated token looks at what the prompt's last token looked at, be it an EOS or an
        `<image>`: so does transformers' `generate`, which repeats the mask's last row.

        Args:
            tokens: of each slot in use, in order, its branches' tokens.
            origins: which of its branches each comes from; before the first token all are one.
        """
        width = self._num_branches
        used = [index for index, slot in enumerate(self._slots) if slot]
        num_slots = used[-1] + 1
        if width > 1:
            self._reorder(used, origins)
        ids = [0] * (num_slots * width)
        new, own = [0] * num_slots, [0] * num_slots
        for index, branches in zip(used, tokens, strict=True):
            slot = self._slots[index]
            assert slot is not None
            ids[index * width : (index + 1) * width] = branches
            new[index], own[index] = slot.num_new, slot.num_tokens
            slot.num_new += 1
        positions = [
            self._num_shared + length + count
            for length, count in zip(own, new, strict=True)
            for _ in range(width)
        ]
        hidden = self._model(
            self._to_device(ids),
            self._to_device(positions),
            self._attend_next(own, new),
            self._see_last(num_slots),
        )
        rows = [index * width + branch for index in used for branch in range(width)]
        if len(rows) < len(ids):
            hidden = hidden[self._to_device(rows)]
        return self._model.logits(hidden)

    @told
    def score(self, slots: Sequence[int], continuations: Sequence[EncodedPrompt]) -> Tensor:
        """Return the log-probability of each continuation's tokens after its first.

        Any number of continuations of any slot, all in one pass.

        Args:
            slots: of each continuation, the slot that it continues.
            continuations: of at least two tokens each.

        Returns:
            (continuations,), the sums.
        """
        order = sorted(range(len(slots)), key=lambda index: -len(continuations[index].ids))
        parts = [continuations[index].part(0, -1) for index in order]
        held = [slot or _Slot(0) for slot in self._slots]
        starts = [self._num_shared + held[slots[index]].num_tokens for index in order]
        tokens = lay_out(parts, starts)
        rows = [row for row, part in enumerate(parts) for _ in part.ids]
        slot_of_token = [slots[order[row]] for row in rows]
        sees = [
            slot if seen != NO_IMAGE and held[slot].sees else NO_IMAGE
            for slot, seen in zip(slot_of_token, tokens.images, strict=True)
        ]
        device, num_slots = self._model.device, len(self._slots)
        prompts = Context(
            group_by(slot_of_token, num_groups=num_slots, device=device),
            self._prompts,
            self._mask([slot.num_tokens for slot in held]),
        )
        hidden = self._model(
            self._to_device(tokens.ids),
            self._to_device(tokens.positions),
            ReadRuns(tokens.runs, [*self._shared, prompts]),
            Seen(group_by(sees, num_groups=num_slots, device=device), self._images)
            if any(slot != NO_IMAGE for slot in sees)
            else None,
        )
        targets = [token for index in order for token in continuations[index].ids[1:]]
        logprobs = self._model.logprobs(hidden, self._to_device(targets))
        sums = logprobs.new_zeros(len(slots))
        return sums.index_add(0, self._to_device([order[row] for row in rows]), logprobs)

    def _keep_last_images(self, slots: Sequence[int], prompts: Sequence[EncodedPrompt]) -> None:
        """Put the pictures that the prompts end with where generated tokens find them."""
        last = {
            slot: prompt.images[prompt.image_of_token[-1]]
            for slot, prompt in zip(slots, prompts, strict=True)
            if prompt.image_of_token[-1] != NO_IMAGE
        }
        if not last:
            return
        projected = self._memory.projections.get(list(last.values()))
        if not self._images:
            shapes = [(len(self._slots), *layer.shape[1:]) for layer in projected]
            self._images = [
                layer.new_zeros(shape) for layer, shape in zip(projected, shapes, strict=True)
            ]
        at = self._to_device(list(last))
        for kept, layer in zip(self._images, projected, strict=True):
            kept[at.to(kept.device)] = layer

    def _see_last(self, num_slots: int) -> Seen | None:
        sees = [bool(slot and slot.sees) for slot in self._slots[:num_slots]]
        if not any(sees):
            return None
        blind = None
        if not all(sees):
            rows = [seen for seen in sees for _ in range(self._num_branches)]
            blind = self._to_device(rows).to(self._model.dtype)[:, None, None]
        return Seen(
            Groups((num_slots, self._num_branches)),
            [layer[:num_slots] for layer in self._images],
            blind,
        )

    def _attend_next(self, lengths: Sequence[int], counts: Sequence[int]) -> ReadNext:
        num_slots, width = len(lengths), self._num_branches
        contexts = list(self._shared)
        if width == 1:
            places = [length + count for length, count in zip(lengths, counts, strict=True)]
            layers = self._prompts
        else:
            prompts = Context(Groups((num_slots, width)), self._prompts, self._mask(lengths))
            contexts.append(prompts)
            places = [count for count in counts for _ in range(width)]
            layers = self._branches
        mask = self._mask([place + 1 for place in places])
        return ReadNext(layers, self._to_device(places), mask, tuple(contexts))

    def _mask(self, lengths: Sequence[int]) -> Tensor:
        """Return (rows, 1, 1, t): minus infinity past each row's end, else zero.

        A row of no length may attend to its first place: nobody asks what it sees there.
        """
        device, longest = self._model.device, max(1, *lengths)
        ends = self._to_device([max(1, length) for length in lengths])
        beyond = torch.arange(longest, device=device) >= ends[:, None]
        mask = torch.zeros(beyond.shape, device=device, dtype=self._model.dtype)
        return mask.masked_fill_(beyond, -float("inf"))[:, None, None]

    def _reorder(self, used: Sequence[int], origins: Sequence[Sequence[int]]) -> None:
        """Give each branch what its origin has generated."""
        rows = [index * self._num_branches + n for index in used for n in range(self._num_branches)]
        sources = [
            index * self._num_branches + origin
            for index, each in zip(used, origins, strict=True)
            for origin in each
        ]
        longest = max(slot.num_new for slot in self._slots if slot)
        if rows == sources or not longest:
            return
        to, source = self._to_device(rows), self._to_device(sources)
        for lot in self._branches:
            to, source = to.to(lot.keys.device), source.to(lot.keys.device)
            for each in (lot.keys, lot.values):
                each[to, :longest] = each[source, :longest]

    def _to_device(self, values: Sequence[int]) -> Tensor:
        return upload(values, self._model.device)
