"""Keys and values of pictures: projected once a picture, kept within a budget.

transformers projects all pictures of a prompt again for every generated token.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

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
        self._kept: OrderedDict[Image, Tensor] = OrderedDict()
        """Of each picture (layers, 2, l, h, e)."""

    def get(self, images: Sequence[Image]) -> list[Tensor]:
        """Return each gated layer's keys and values (i, 2, l, h, e) of the pictures."""
        found = {image: self._kept[image] for image in images if image in self._kept}
        missing = [image for image in dict.fromkeys(images) if image not in found]
        if missing:
            latents = torch.stack(list(self._encode(missing)))
            projected = torch.stack(self._model.project_images(latents), dim=1)
            found.update(zip(missing, projected.unbind(0), strict=True))
        stacked = torch.stack([found[image] for image in images], dim=1)
        for image in found:
            self._keep(image, found[image], fresh=image in missing)
        return list(stacked.unbind(0))

    def _keep(self, image: Image, projected: Tensor, *, fresh: bool) -> None:
        if fresh:
            # A copy, so that the others of its batch can be let go of.
            self._kept[image] = projected.clone()
            self._num_bytes += projected.nbytes
        self._kept.move_to_end(image)
        while self._num_bytes > self._max_bytes and self._kept:
            _, oldest = self._kept.popitem(last=False)
            self._num_bytes -= oldest.nbytes
