"""One picture as the bytes of its pixels, as the checkpoints were made: with PIL.

RGB, resized to a square with PIL's bicubic filter (the aspect is not kept, nothing is cropped).
torchvision's tensor resize gives other pixels. As in transformers (`IdeficsImageProcessorPil`),
transparency lies on white, EXIF orientation is not applied, and of an animation the first frame is
taken. One deviation: of 16-bit greys the high byte counts, as of 16-bit colours; transformers makes
all but the darkest 256 of them white.

This is also what a decoding process runs (`decoding.py` starts it and talks to it):

    python -m evals.models.idefics.pixels SIZE

Hence neither torch nor numpy is imported here: it starts in 50 ms and stays below 25 MB.
"""

import io
import pickle
import struct
import sys
import warnings
from contextlib import suppress

from PIL import Image as PilImages
from PIL import UnidentifiedImageError
from PIL.Image import Image as PilImage

from evals.errors import PictureError
from evals.types import Image

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "JPEG2000", "AVIF")
"""What is read, whatever a file's name ends in. Among Pillow's others are some that take any bytes
for a picture (TGA) and one that starts a program (EPS)."""

MAX_PIXELS = 89_478_485
"""Of one picture: where Pillow begins to warn of decompression bombs, 256 MB in RGB."""
MAX_SIDE = 65_535
"""As JPEG has it. Resizing goes one side after the other: in between, a picture of 2 x 40,000,000
pixels would be one of 224 x 40,000,000."""

BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error),
    *(KeyError, IndexError, TypeError, ArithmeticError, RuntimeError, AttributeError),
    *(PilImages.DecompressionBombError, PilImages.DecompressionBombWarning),
)
"""What PIL raises for files that are no picture, cut short, damaged or monstrous: its readers trust
their input, so it may be anything (`tests/fuzz`). Not `MemoryError`, which is not the file's."""


def read_pixels(image: Image, *, size: int) -> bytes:
    """Return a picture's pixels as (3, size, size) of uint8: all red ones, green ones, blue ones.

    Raises:
        PictureError: the picture cannot be read or decoded; its name is in the message.
    """
    picture = to_rgb(open_image(image), name=str(image))
    picture = picture.resize((size, size), PilImages.Resampling.BICUBIC)
    return b"".join(band.tobytes() for band in picture.split())


def open_image(image: Image) -> PilImage:
    """Return the picture as PIL has it, not yet decoded.

    Raises:
        PictureError: it cannot be read, is of no format that is read, or is too large.
    """
    if isinstance(image.source, PilImage):
        return image.source
    content = image.read_bytes()
    try:
        picture = PilImages.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        what = f"none of {', '.join(FORMATS)}" if content else "empty"
        raise _unreadable(str(image), f"it is {what}") from error
    except BROKEN as error:
        raise _unreadable(str(image), error) from error
    if picture.width * picture.height > MAX_PIXELS or max(picture.size) > MAX_SIDE:
        size = f"{picture.width:,} x {picture.height:,}"
        most = f"{MAX_PIXELS:,} in all and {MAX_SIDE:,} a side"
        raise _unreadable(str(image), f"it has {size} pixels; at most {most} are read")
    return picture


def to_rgb(picture: PilImage, *, name: str) -> PilImage:
    """Decode a picture and make it RGB, whatever its mode; what is transparent becomes white.

    Raises:
        PictureError: it cannot be decoded.
    """
    try:
        if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
            return _to_8_bits(picture).convert("RGB")
        if picture.mode != "LAB" and ("A" in picture.getbands() or "transparency" in picture.info):
            picture = picture.convert("RGBA")
            white = PilImages.new("RGBA", picture.size, (255, 255, 255, 255))
            picture = PilImages.alpha_composite(white, picture)
        return picture.convert("RGB")
    except BROKEN as error:
        raise _unreadable(name, error) from error


def _to_8_bits(picture: PilImage) -> PilImage:
    """Return the high bytes of 16-bit greys. Older Pillows and PPM call these "I", as 32-bit ones.

    Raises:
        ValueError: it is not known which number is white.
    """
    if not (picture.mode.startswith("I;16") or picture.format in ("PNG", "PPM")):
        raise ValueError(f"its pixels are numbers of no known range (mode {picture.mode})")
    return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _unreadable(name: str, reason: Exception | str) -> PictureError:
    return PictureError(f"{name} cannot be decoded as a picture ({reason}); replace the file")


def serve(size: int) -> None:
    """Answer each path or file content on stdin with its pixels on stdout, until stdin ends.

    A picture that fails is answered with `None`: the asking process reads it once more, and so
    raises its own error.
    """
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # nobody's print may get in between
    warnings.simplefilter("ignore")  # PIL's name no file
    with suppress(EOFError, BrokenPipeError):  # the asking process has ended, or wants no more
        while True:
            source = pickle.load(sys.stdin.buffer)
            try:
                pixels = read_pixels(Image(source), size=size)
            except PictureError:
                pixels = None
            pickle.dump(pixels, answers)
            answers.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
