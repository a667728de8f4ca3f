"""Scenes of coloured shapes and lettering, and how they become pictures.

A scene is a value: it is equal to another exactly when the pictures are equal, which is how the
makers keep a picture from appearing twice.
"""

import io
import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from evals.mini.glyphs import draw_text, text_size

SIZE = 96
"""Width and height of a picture; the tiny checkpoint looks at 64 pixels of it."""

Rgb = tuple[int, int, int]

COLORS: dict[str, Rgb] = {
    "red": (214, 32, 38),
    "green": (32, 150, 60),
    "blue": (30, 80, 210),
    "yellow": (250, 214, 20),
    "purple": (140, 50, 170),
    "orange": (250, 130, 20),
    "black": (25, 25, 25),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")


@dataclass(frozen=True, slots=True)
class Thing:
    """A coloured shape; `x`, `y` its centre and `radius` in pixels."""

    color: str
    shape: str
    x: int
    y: int
    radius: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of lettering with its top left corner at (x, y)."""

    text: str
    x: int
    y: int
    dot: int
    color: Rgb


@dataclass(frozen=True, slots=True)
class Scene:
    things: tuple[Thing, ...] = ()
    lines: tuple[Line, ...] = ()
    background: Rgb = (240, 240, 240)
    board: tuple[int, int, int, int, Rgb] | None = None
    """A sign behind the lettering: left, top, right, bottom and its colour."""


def name_plural(shape: str) -> str:
    return f"{shape}es" if shape.endswith("s") else f"{shape}s"


def draw_background(rng: Random) -> Rgb:
    """Return a light tint, so that every colour stands out and hardly two pictures agree."""
    return rng.randrange(205, 250), rng.randrange(205, 250), rng.randrange(205, 250)


def center_line(text: str, *, y: int, dot: int, color: Rgb, shift: int = 0) -> Line:
    """Return a line in the middle of the picture, `shift` pixels to the right."""
    width, _ = text_size(text, dot=dot)
    return Line(text, (SIZE - width) // 2 + shift, y, dot, color)


def draw_scene(scene: Scene) -> Image.Image:
    image = Image.new("RGB", (SIZE, SIZE), scene.background)
    draw = ImageDraw.Draw(image)
    if scene.board is not None:
        left, top, right, bottom, color = scene.board
        draw.rectangle((left, top, right, bottom), fill=color, outline=(60, 60, 60))
    for thing in scene.things:
        _draw_thing(draw, thing)
    for line in scene.lines:
        draw_text(image, line.text, x=line.x, y=line.y, dot=line.dot, color=line.color)
    return image


def encode_jpeg(scene: Scene) -> bytes:
    buffer = io.BytesIO()
    # Without chroma subsampling, which would wash a small red shape into its surroundings.
    draw_scene(scene).save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def encode_png(scene: Scene) -> bytes:
    buffer = io.BytesIO()
    draw_scene(scene).save(buffer, "PNG")
    return buffer.getvalue()


def _draw_thing(draw: ImageDraw.ImageDraw, thing: Thing) -> None:
    color, x, y, r = COLORS[thing.color], thing.x, thing.y, thing.radius
    match thing.shape:
        case "circle":
            draw.ellipse((x - r, y - r, x + r, y + r), fill=color)
        case "square":
            side = round(r * 0.88)
            draw.rectangle((x - side, y - side, x + side, y + side), fill=color)
        case "triangle":
            draw.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=color)
        case "star":
            draw.polygon(_star(x, y, radius=r + 2), fill=color)
        case "cross":
            bar = max(2, r // 3)
            draw.rectangle((x - r, y - bar, x + r, y + bar), fill=color)
            draw.rectangle((x - bar, y - r, x + bar, y + r), fill=color)
        case "shirt":
            draw.polygon(_shirt(x, y, radius=r), fill=color, outline=(60, 60, 60))
        case _:
            raise AssertionError(f"no shape {thing.shape}")


def _star(x: int, y: int, *, radius: int) -> list[tuple[int, int]]:
    points = []
    for index in range(10):
        length = radius if index % 2 == 0 else radius * 0.42
        angle = math.pi * (index / 5 - 0.5)
        points.append((round(x + length * math.cos(angle)), round(y + length * math.sin(angle))))
    return points


def _shirt(x: int, y: int, *, radius: int) -> list[tuple[int, int]]:
    """A T-shirt seen from the front, in tenths of the radius."""
    half = ((2, -9), (5, -9), (10, -4), (7, -1), (5, -3), (5, 9))
    outline = [*half, *((-dx, dy) for dx, dy in reversed(half))]
    return [(x + round(dx * radius / 10), y + round(dy * radius / 10)) for dx, dy in outline]
