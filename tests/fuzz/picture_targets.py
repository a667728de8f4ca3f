"""Pictures of every format that is read, through what decodes them for the model."""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image as PilImages
from PIL import features
from PIL.Image import Image as PilImage

from evals.models.idefics.pixels import read_pixels
from evals.types import Image
from tests.fuzz.targets import Target

SIZE = 28


def make_picture_targets(folder: Path) -> Iterator[Target]:
    """Yield a target for each picture; it may be spliced with others of its format."""
    drawn = draw_pictures()
    for name, content in drawn.items():
        kind = name.partition(".")[0]
        others = tuple(other for key, other in drawn.items() if key.startswith(kind))
        read = partial(_decode, name)
        yield Target(f"picture {name}", {name: content}, (name,), read, others)


def _decode(name: str, folder: Path) -> None:
    pixels = read_pixels(Image(folder / name), size=SIZE)
    assert len(pixels) == 3 * SIZE * SIZE


def draw_pictures() -> dict[str, bytes]:
    """Return small pictures in all modes and formats, by name."""
    rgb = PilImages.radial_gradient("L").resize((40, 30))
    rgb = PilImages.merge("RGB", (rgb, rgb.rotate(90), rgb.rotate(180)))
    rgba = rgb.copy()
    rgba.putalpha(rgb.getchannel(0))
    palette = rgb.quantize(16)
    grey = rgb.convert("L")
    deep = grey.convert("I").point(lambda value: value * 257.0).convert("I;16")
    frames = [rgb.rotate(90 * turn) for turn in range(3)]
    exif = PilImages.Exif()
    exif[0x0112] = 6
    animated: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    drawn: dict[str, tuple[PilImage, str, dict[str, Any]]] = {
        "jpeg.rgb": (rgb, "JPEG", {"exif": exif}),
        "jpeg.progressive": (rgb, "JPEG", {"progressive": True, "subsampling": 2}),
        "jpeg.cmyk": (rgb.convert("CMYK"), "JPEG", {}),
        "jpeg.grey": (grey, "JPEG", {"comment": b"x" * 50}),
        "png.rgb": (rgb, "PNG", {"dpi": (72, 72)}),
        "png.rgba": (rgba, "PNG", {}),
        "png.palette": (palette, "PNG", {"transparency": 3}),
        "png.grey": (rgba.convert("LA"), "PNG", {}),
        "png.bits": (grey.convert("1"), "PNG", {"bits": 1}),
        "png.deep": (deep, "PNG", {}),
        "png.animated": (frames[0], "PNG", animated),
        "gif.still": (palette, "GIF", {"transparency": 1, "interlace": 1}),
        "gif.animated": (frames[0].convert("P"), "GIF", {**animated, "loop": 0}),
        "bmp.rgb": (rgb, "BMP", {}),
        "bmp.palette": (palette, "BMP", {}),
        "ppm.rgb": (rgb, "PPM", {}),
        "webp.lossy": (rgb, "WEBP", {"exif": exif}),
        "webp.lossless": (rgba, "WEBP", {"lossless": True}),
        "webp.animated": (frames[0], "WEBP", animated),
        "tiff.plain": (rgb, "TIFF", {}),
        "tiff.lzw": (rgba, "TIFF", {"compression": "tiff_lzw"}),
        "tiff.deflate": (deep, "TIFF", {"compression": "tiff_deflate"}),
        "tiff.cmyk": (rgb.convert("CMYK"), "TIFF", {"compression": "packbits"}),
        "tiff.lab": (rgb.convert("LAB"), "TIFF", {}),
        "tiff.jpeg": (rgb, "TIFF", {"compression": "jpeg"}),
        "tiff.fax": (grey.convert("1"), "TIFF", {"compression": "group4"}),
        "tiff.pages": (frames[0], "TIFF", animated),
        "jpeg2000.lossy": (rgb, "JPEG2000", {"irreversible": True, "quality_layers": [20]}),
        "jpeg2000.rgba": (rgba, "JPEG2000", {}),
    }
    if features.check("avif"):
        drawn["avif.rgb"] = (rgb, "AVIF", {"speed": 10})
    files = {}
    for name, (picture, kind, options) in drawn.items():
        file = io.BytesIO()
        picture.save(file, kind, **options)
        files[name] = file.getvalue()
    plain = b"P3\n# a comment\n2 2\n255\n1 2 3 4 5 6 7 8 9 255 0 0\n"
    return files | {"ppm.ascii": plain, "ppm.deep": b"P5 2 2 65535\n" + bytes(range(8))}
