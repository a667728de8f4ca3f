"""What ends an answer and what must not be in it, as ids: `Decoding` for one checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from evals.errors import PromptError
from evals.models.idefics.tokens import PromptTokenizer
from evals.types import Decoding

FinishReason = Literal["eos", "stop", "length"]


@dataclass(frozen=True, slots=True)
class Rules:
    decoding: Decoding
    tokenizer: PromptTokenizer
    eos_ids: frozenset[int]
    forbidden: tuple[tuple[int, ...], ...]
    """Id sequences; one that is an EOS by itself is never forbidden, as in transformers."""

    def forbid_(self, scores: Tensor, contexts: Sequence[Sequence[int]]) -> Tensor:
        """Set scores (b, v) to minus infinity where a token would complete a forbidden sequence.

        What is left is not normalised again (transformers' `NoBadWordsLogitsProcessor`), and a
        sequence may begin in the prompt.
        """
        single = _upload_single(self.forbidden, scores.device)
        if len(single):
            scores.index_fill_(1, single, -float("inf"))
        for *start, last in (sequence for sequence in self.forbidden if len(sequence) > 1):
            for row, context in enumerate(contexts):
                if list(context[-len(start) :]) == start:
                    scores[row, last] = -float("inf")
        return scores

    def find_end(self, new_ids: Sequence[int]) -> FinishReason | None:
        """Return why a greedy answer ends here, if it does.

        Stop strings are looked for with special tokens spelt out, so that
        `stop=("<end_of_utterance>",)` works.
        """
        if new_ids[-1] in self.eos_ids:
            return "eos"
        if self.decoding.stop:
            text = self.tokenizer.decode(new_ids, skip_special=False)
            if any(stop in text for stop in self.decoding.stop):
                return "stop"
        return "length" if len(new_ids) == self.decoding.max_new_tokens else None


@lru_cache(maxsize=16)
def _upload_single(forbidden: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """Return the ids that are forbidden by themselves: sent once, since sending waits for a GPU."""
    single = [sequence[0] for sequence in forbidden if len(sequence) == 1]
    return torch.tensor(single, dtype=torch.long, device=device)


def make_rules(decoding: Decoding, tokenizer: PromptTokenizer, *, eos_ids: Sequence[int]) -> Rules:
    """Translate a decoding into ids.

    Raises:
        PromptError: a number or a string in it makes no sense.
    """
    if decoding.max_new_tokens < 1 or decoding.num_beams < 1:
        raise PromptError(
            f"max_new_tokens is {decoding.max_new_tokens} and num_beams {decoding.num_beams}; "
            "both must be at least 1"
        )
    if "" in decoding.stop:
        raise PromptError("an empty stop string would end every answer at once")
    eos = frozenset(eos_ids if decoding.eos is None else decoding.eos)
    forbidden = tuple(
        sequence
        for sequence in tokenizer.encode_forbidden(decoding.forbidden)
        if max(sequence) < tokenizer.vocab_size and not (len(sequence) == 1 and sequence[0] in eos)
    )
    return Rules(decoding, tokenizer, eos, forbidden)
