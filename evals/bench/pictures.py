"""Pictures as cameras make them, drawn: 640 x 480 JPEGs of 60 to 150 kB.

A photograph's cost to decode lies in its detail, so these have it: broad shades of colour, shapes
with edges, and grain at several scales.
"""

from pathlib import Path

import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw

WIDTH, HEIGHT = 640, 480
QUALITY = 88


def draw_pictures(folder: Path, names: list[str]) -> dict[str, Path]:
    """Write a JPEG for each name; the same name always gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name in names:
        path = folder / f"{name}.jpg"
        draw_picture(name).save(path, "JPEG", quality=QUALITY)
        paths[name] = path
    return paths


def draw_picture(name: str) -> Pil.Image:
    """Draw the picture that belongs to a name."""
    random = np.random.default_rng(list(name.encode()))
    pixels = np.asarray(_shade(random, 4, amplitude=110), dtype=np.float32) + 128
    for cells, amplitude in ((40, 26), (160, 20), (640, 12)):
        pixels += _shade(random, cells, amplitude=amplitude)
    picture = Pil.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = int(random.integers(WIDTH)), int(random.integers(HEIGHT))
        box = (left, top, left + int(random.integers(20, 200)), top + int(random.integers(20, 150)))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        shape = draw.ellipse if random.integers(2) else draw.rectangle
        shape(box, outline=colour, width=int(random.integers(2, 12)))
    return picture


def _shade(random: np.random.Generator, cells: int, *, amplitude: float) -> np.ndarray:
    """Return smooth noise (height, width, 3) with `cells` bumps across, of about +- amplitude."""
    small = random.uniform(0, 255, (max(1, cells * 3 // 4), cells, 3)).astype(np.uint8)
    large = Pil.fromarray(small).resize((WIDTH, HEIGHT), Pil.Resampling.BICUBIC)
    return (np.asarray(large, dtype=np.float32) / 127.5 - 1) * amplitude
