"""Keys and values of pictures: projected once a picture, kept within a budget.

transformers projects all pictures of a prompt again for every generated token.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import groupby

import torch
from torch import Tensor

from evals.models.idefics.model import Idefics
from evals.types import Image

Encode = Callable[[Sequence[Image]], Sequence[Tensor]]
"""Returns the latents (l, d) of each picture."""


class Projections:
    """The least recently used go first."""

    def __init__(self, model: Idefics, encode: Encode, *, max_bytes: int) -> None:
        self._model = model
        self._encode = encode
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._kept: OrderedDict[Image, _Lots] = OrderedDict()

    def get(self, images: Sequence[Image]) -> list[Tensor]:
        """Return each gated layer's keys and values (i, 2, l, h, e) of the pictures."""
        found = {image: self._kept[image] for image in images if image in self._kept}
        missing = [image for image in dict.fromkeys(images) if image not in found]
        if missing:
            latents = torch.stack(list(self._encode(missing)))
            projected = _stack_layers(self._model.project_images(latents))
            rows = zip(*(lot.unbind(0) for lot in projected), strict=True)
            found.update(zip(missing, rows, strict=True))
        lots = zip(*(found[image] for image in images), strict=True)
        stacked = [layer for lot in lots for layer in torch.stack(lot, dim=1).unbind(0)]
        for image in found:
            self._keep(image, found[image], fresh=image in missing)
        return stacked

    def _keep(self, image: Image, projected: "_Lots", *, fresh: bool) -> None:
        if fresh:
            # A copy, so that the others of its batch can be let go of.
            self._kept[image] = tuple(lot.clone() for lot in projected)
            self._num_bytes += _count_bytes(projected)
        self._kept.move_to_end(image)
        while self._num_bytes > self._max_bytes and self._kept:
            _, oldest = self._kept.popitem(last=False)
            self._num_bytes -= _count_bytes(oldest)


_Lots = tuple[Tensor, ...]
"""Of a picture (layers, 2, l, h, e): the layers of one device are one lot."""


def _stack_layers(layers: Sequence[Tensor]) -> list[Tensor]:
    """Turn (i, 2, l, h, e) of each layer into (i, layers, 2, l, h, e) of each device."""
    devices = groupby(layers, key=lambda layer: layer.device)
    return [torch.stack(list(same), dim=1) for _, same in devices]


def _count_bytes(lots: _Lots) -> int:
    return sum(lot.nbytes for lot in lots)
