"""Which prompts begin alike: what they share is read once and held once.

Fixed demonstrations, an instruction, text-only priming: whatever the reason, it is found in the
tokens. An image token counts as the picture that it stands for, since all image tokens have one
id; so prompts part before the first picture that differs.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MIN_SHARERS = 8
"""Below it, a batch of their own costs prompts more than their prefix does."""
MIN_SHARE = 0.1
"""Of the prompts' tokens that sharing must save: merging two attentions costs something, too."""

Key = Hashable


@dataclass(frozen=True, slots=True)
class Sharing:
    """Prompts that go together."""

    num_tokens: int
    """How many first tokens they share; always fewer than any of them has."""
    members: tuple[int, ...]


def find_shared_prefixes(prompts: Sequence[Sequence[Key]]) -> list[Sharing]:
    """Divide prompts so that the most tokens are read only once, each prompt sharing one prefix.

    Args:
        prompts: of each prompt, its token ids, pictures in place of image tokens.

    Returns:
        Every prompt once; those that share nothing come last, together.
    """
    # By hash: tokens and pictures have no order between them, and any order serves.
    keys = [[hash(key) for key in prompt] for prompt in prompts]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ordered = [keys[index] for index in order]
    common = [0, *(_count_common(one, other) for one, other in pairwise(ordered))]
    lengths = [len(key) for key in ordered]
    _, shared = _divide(common, lengths, 0, len(ordered))
    taken = {place for start, end, _ in shared for place in range(start, end)}
    sharings = [Sharing(depth, tuple(sorted(order[start:end]))) for start, end, depth in shared]
    alone = tuple(sorted(order[place] for place in range(len(order)) if place not in taken))
    return sharings + ([Sharing(0, alone)] if alone else [])


_Range = tuple[int, int, int]
"""Start and end among the ordered prompts, and what they share."""


def _divide(
    common: Sequence[int], lengths: Sequence[int], start: int, end: int
) -> tuple[int, list[_Range]]:
    """Return the tokens saved by the best division of a range, and its parts that share."""
    size = end - start
    if size < MIN_SHARERS:
        return 0, []
    depth = min(common[start + 1 : end])
    borders = [place for place in range(start + 1, end) if common[place] == depth]
    parts = [
        _divide(common, lengths, one, other)
        for one, other in zip([start, *borders], [*borders, end], strict=True)
    ]
    below = sum(saved for saved, _ in parts)
    # One token must be left to each: its logits are wanted.
    shared = min(depth, min(lengths[start:end]) - 1)
    saved = (size - 1) * shared
    if saved > below and saved >= MIN_SHARE * sum(lengths[start:end]):
        return saved, [(start, end, shared)]
    return below, [each for _, ranges in parts for each in ranges]


def _count_common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the length of the common prefix; halving compares slices, which is quick."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
