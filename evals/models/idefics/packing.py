"""Rows of tokens one after the other, with all that says where they belong: no padding."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from evals.models.idefics.attention import Run
from evals.models.idefics.decoder import Seen
from evals.models.idefics.groups import NO_IMAGE, group_by
from evals.models.idefics.model import Idefics
from evals.models.idefics.projections import Projections
from evals.models.idefics.tokens import EncodedPrompt
from evals.types import Image

SPAN = 64
"""Tokens after one picture that form a group; more of them form several."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows' tokens, one row after the other."""

    ids: list[int]
    positions: list[int]
    runs: list[Run]
    last: list[int]
    """The last token of each row."""
    images: list[int]
    """Which of its row's pictures each token looks at, or `NO_IMAGE`."""
    spans: list[int]
    """Which of `pictures` each token looks at, or `NO_IMAGE`."""
    pictures: list[Image]
    """A row's picture comes again after every `SPAN` tokens that look at it."""


def lay_out(rows: Sequence[EncodedPrompt], starts: Sequence[int]) -> Rows:
    """Put rows one after the other; those of equal length must be neighbours."""
    tokens = Rows([], [], [], [], [], [], [])
    for length, same in groupby(rows, key=lambda row: len(row.ids)):
        start = len(tokens.ids)
        num_rows = 0
        for row in same:
            num_rows += 1
            first = starts[len(tokens.last)]
            tokens.ids.extend(row.ids)
            tokens.positions.extend(range(first, first + length))
            tokens.last.append(len(tokens.ids) - 1)
            tokens.images.extend(row.image_of_token)
            for image, looking in groupby(row.image_of_token):
                count = len(list(looking))
                if image == NO_IMAGE:
                    tokens.spans.extend([NO_IMAGE] * count)
                    continue
                for begin in range(0, count, SPAN):
                    tokens.spans.extend([len(tokens.pictures)] * min(SPAN, count - begin))
                    tokens.pictures.append(row.images[image])
        tokens.runs.append(Run(start, num_rows, length))
    return tokens


def upload(
    values: Sequence[float], device: torch.device, *, dtype: torch.dtype = torch.long
) -> Tensor:
    """Send numbers to the model without waiting for it: from pinned memory where it is a GPU."""
    tensor = torch.tensor(values, dtype=dtype)
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def look(rows: Rows, model: Idefics, projections: Projections) -> Seen | None:
    """Return the pictures that the rows' tokens look at."""
    if not rows.pictures:
        return None
    groups = group_by(rows.spans, num_groups=len(rows.pictures), device=model.device)
    return Seen(groups, projections.get(rows.pictures))
