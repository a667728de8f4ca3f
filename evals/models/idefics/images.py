"""From a picture to the vision tower's pixels, as the checkpoints were made: with PIL.

RGB, resized to a square with PIL's bicubic filter (the aspect is not kept, nothing is cropped),
divided by 255, normalised. torchvision's tensor resize gives other pixels. As in transformers
(`IdeficsImageProcessorPil`), transparency lies on white, and EXIF orientation is not applied.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PilImages
from PIL.Image import Image as PilImage
from torch import Tensor

from evals.errors import CheckpointError, DataError
from evals.models.idefics.config import IdeficsConfig, read_json
from evals.types import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""OpenCLIP's; what preprocessor_config.json says goes first."""

BROKEN = (OSError, ValueError, SyntaxError, PilImages.DecompressionBombError)
"""What PIL raises for files that are no picture, cut short, damaged or monstrous."""


@dataclass(frozen=True, slots=True)
class ImageProcessor:
    size: int
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def __call__(self, image: Image) -> Tensor:
        """Return float32 pixels (3, size, size).

        Raises:
            DataError: the picture cannot be read or decoded; its name is in the message.
        """
        picture = to_rgb(open_image(image), name=str(image))
        picture = picture.resize((self.size, self.size), PilImages.Resampling.BICUBIC)
        values = np.asarray(picture, dtype=np.float32) / 255
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return torch.from_numpy(((values - mean) / std).transpose(2, 0, 1).copy())


def read_image_processor(folder: Path, config: IdeficsConfig) -> ImageProcessor:
    """Read preprocessor_config.json; without it, the size is the vision tower's."""
    path = folder / "preprocessor_config.json"
    values: Mapping[str, Any] = read_json(path) if path.is_file() else {}
    size = values.get("image_size") or (values.get("size") or {}).get("height")
    size = size or config.vision.image_size
    if size != config.vision.image_size:
        raise CheckpointError(
            f"{path} resizes pictures to {size}, and the vision tower of config.json takes "
            f"{config.vision.image_size}"
        )
    return ImageProcessor(
        size, tuple(values.get("image_mean", MEAN)), tuple(values.get("image_std", STD))
    )


def open_image(image: Image) -> PilImage:
    """Return the picture as PIL has it, not yet decoded."""
    if isinstance(image.source, PilImage):
        return image.source
    content = image.read_bytes()
    try:
        return PilImages.open(io.BytesIO(content))
    except BROKEN as error:
        raise _unreadable(str(image), error) from error


def to_rgb(picture: PilImage, *, name: str) -> PilImage:
    """Decode a picture and make it RGB, whatever its mode; what is transparent becomes white."""
    try:
        if "A" in picture.getbands() or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            white = PilImages.new("RGBA", picture.size, (255, 255, 255, 255))
            picture = PilImages.alpha_composite(white, picture)
        return picture.convert("RGB")
    except BROKEN as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> DataError:
    return DataError(f"{name} cannot be decoded as a picture ({error}); replace the file")
