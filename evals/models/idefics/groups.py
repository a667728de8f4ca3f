"""Which of several things each token attends to: as groups, not as a mask.

A text token of IDEFICS attends to one picture only, the last before it (no config says so; the
mask is made by transformers' `IdeficsProcessor`). So instead of attending to all pictures under a
mask, the tokens that look at the same picture form a group, and each group attends to its own
picture: no mask, and no work for the other pictures. In the same way the beams of a prompt, or the
choices of a question, attend to their own prompt.
Shapes: n tokens, g groups, m tokens of the largest group, h heads, e head size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NO_IMAGE = -1


@dataclass(frozen=True, slots=True)
class Groups:
    """An arrangement of n tokens in groups; a token may be in none of them."""

    shape: tuple[int, int]
    """(g, m); without `members`, m may be -1: as many as there are."""
    members: Tensor | None = None
    """(g * m,): the token in each place, places left over filled with token 0. `None`: the tokens
    as they stand."""
    places: Tensor | None = None
    """(k,): the places that are no filling."""
    tokens: Tensor | None = None
    """(k,): the tokens in them."""

    def to(self, device: torch.device) -> "Groups":
        moved = (
            None if each is None else each.to(device)
            for each in (self.members, self.places, self.tokens)
        )
        return Groups(self.shape, *moved)

    def gather(self, x: Tensor) -> Tensor:
        """Turn (n, h, e) into (g, h, m, e)."""
        x = x if self.members is None else x[self.members]
        return x.view(*self.shape, *x.shape[1:]).transpose(1, 2)

    def scatter(self, x: Tensor, num_tokens: int) -> Tensor:
        """Turn (g, h, m, ...) back into (n, h, ...); zeros where a token is in no group."""
        flat = x.transpose(1, 2).flatten(0, 1)
        if self.members is None:
            return flat
        y = flat.new_zeros(num_tokens, *flat.shape[1:])
        y[self.tokens] = flat[self.places]
        return y


def group_by(labels: Sequence[int], *, num_groups: int, device: torch.device) -> Groups:
    """Group tokens by their labels (n,), from 0 to `num_groups` - 1; `NO_IMAGE` is in no group."""
    label = torch.tensor(labels)
    chosen = (label != NO_IMAGE).nonzero()[:, 0]
    tokens = chosen[label[chosen].argsort(stable=True)]
    group = label[tokens]
    counts = group.bincount(minlength=num_groups)
    largest = int(counts.max())
    rank = torch.arange(len(tokens)) - (counts.cumsum(0) - counts)[group]
    places = group * largest + rank
    members = torch.zeros(num_groups * largest, dtype=torch.long)
    members[places] = tokens
    return Groups(
        shape=(num_groups, largest),
        members=members.to(device),
        places=places.to(device),
        tokens=tokens.to(device),
    )


def find_images(ids: Sequence[int], *, image_id: int, eos_id: int) -> list[int]:
    """Return for each token the picture it looks at, `NO_IMAGE` for none.

    `<image>` itself looks at its picture; text before the first sees none, nor does text after
    an EOS, until the next `<image>`.
    """
    images = []
    current, last = NO_IMAGE, NO_IMAGE
    for token in ids:
        if token == image_id:
            last += 1
            current = last
        images.append(current)
        if token == eos_id:
            current = NO_IMAGE
    return images
