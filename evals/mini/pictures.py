"""Pictures as the tiny checkpoint's image processor makes them, decoded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image as Pil

IMAGE_SIZE = 64
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
MAX_SHIFT = 3
"""Pixels by which a picture is moved at random in training: 96-pixel scenes are soon known."""


@dataclass(frozen=True, slots=True)
class PictureStore:
    """All pictures as the image processor resizes them, decoded once."""

    pixels: torch.Tensor
    """(pictures, 3, 64, 64), bytes."""
    index: dict[Path, int]

    def read(self, paths: Sequence[Path], *, shifts: torch.Generator | None = None) -> torch.Tensor:
        """Return normalised pixels (i, 3, 64, 64), each picture moved a little by `shifts`."""
        if not paths:
            return torch.empty(0, 3, IMAGE_SIZE, IMAGE_SIZE)
        chosen = self.pixels[[self.index[path] for path in paths]].float() / 255
        if shifts is not None:
            chosen = _shift(chosen, shifts)
        mean, std = torch.tensor(MEAN), torch.tensor(STD)
        return (chosen - mean[:, None, None]) / std[:, None, None]


def read_pictures(paths: Sequence[Path]) -> PictureStore:
    size = (IMAGE_SIZE, IMAGE_SIZE)
    pixels = []
    for path in paths:
        with Pil.open(path) as image:
            small = image.convert("RGB").resize(size, Pil.Resampling.BICUBIC)
        pixels.append(torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8))
    stacked = torch.stack(pixels).view(-1, IMAGE_SIZE, IMAGE_SIZE, 3).permute(0, 3, 1, 2)
    return PictureStore(stacked.contiguous(), {path: i for i, path in enumerate(paths)})


def _shift(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Move each picture by up to `MAX_SHIFT` pixels; its border is repeated."""
    sides = (MAX_SHIFT,) * 4
    wide = torch.nn.functional.pad(pixels, sides, mode="replicate")
    offsets = torch.randint(0, 2 * MAX_SHIFT + 1, (len(pixels), 2), generator=generator).tolist()
    moved = [
        picture[:, top : top + IMAGE_SIZE, left : left + IMAGE_SIZE]
        for picture, (top, left) in zip(wide, offsets, strict=True)
    ]
    return torch.stack(moved)
