"""From a picture to the vision tower's input: 8-bit pixels (`pixels.py`), divided and normalised.

The 8-bit pixels are a quarter of the bytes of the normalised ones, so that they are what is sent
between processes and to a GPU; normalising is the last step, wherever they lie.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from evals.errors import CheckpointError, list_problems
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.json_file import Values, read_json
from evals.models.idefics.pixels import read_pixels
from evals.types import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""OpenCLIP's; what preprocessor_config.json says goes first."""


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
        pixels = torch.frombuffer(bytearray(read_pixels(image, size=self.size)), dtype=torch.uint8)
        return self.normalise(pixels.view(3, self.size, self.size))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 pixels (..., 3, size, size) into float32 ones, on their device.

        The same value on every device, bit for bit: what is divided by is a tensor there, since a
        GPU multiplies by the reciprocal of a Python number instead.
        """
        scale, mean, std = (
            torch.tensor(values, dtype=torch.float32, device=pixels.device)[:, None, None]
            for values in ((255.0,), self.mean, self.std)
        )
        return pixels.to(torch.float32).div_(scale).sub_(mean).div_(std)


def read_image_processor(folder: Path, config: IdeficsConfig) -> ImageProcessor:
    """Read preprocessor_config.json; without it, the size is the vision tower's.

    Raises:
        CheckpointError: it is malformed, or its size is not the vision tower's.
    """
    path = folder / "preprocessor_config.json"
    values = Values(read_json(path) if path.is_file() else {})
    size = values.get("image_size") or values.get("size") or config.vision.image_size
    if isinstance(size, dict):
        size = size.get("height")
    if size != config.vision.image_size:
        raise CheckpointError(
            f"{path} resizes pictures to {size!r:.60}, and the vision tower of config.json takes "
            f"{config.vision.image_size}"
        )
    processor = ImageProcessor(
        config.vision.image_size,
        values.numbers("image_mean", MEAN, positive=False),
        values.numbers("image_std", STD, positive=True),
    )
    if values.problems:
        raise CheckpointError(f"{path} cannot be used:\n{list_problems(values.problems)}")
    return processor
