"""One picture as the bytes of its pixels, as the checkpoints were made: with PIL.

RGB, resized to a square with PIL's bicubic filter (the aspect is not kept, nothing is cropped).
torchvision's tensor resize gives other pixels. As in transformers (`IdeficsImageProcessorPil`),
transparency lies on white, and EXIF orientation is not applied.

This is also what a decoding process runs (`decoding.py` starts it and talks to it):

    python -m evals.models.idefics.pixels SIZE

Hence neither torch nor numpy is imported here: it starts in 50 ms and stays below 25 MB.
"""

import io
import pickle
import sys
from contextlib import suppress

from PIL import Image as PilImages
from PIL.Image import Image as PilImage

from evals.errors import DataError
from evals.types import Image

BROKEN = (OSError, ValueError, SyntaxError, PilImages.DecompressionBombError)
"""What PIL raises for files that are no picture, cut short, damaged or monstrous."""


def read_pixels(image: Image, *, size: int) -> bytes:
    """Return a picture's pixels as (3, size, size) of uint8: all red ones, green ones, blue ones.

    Raises:
        DataError: the picture cannot be read or decoded; its name is in the message.
    """
    picture = to_rgb(open_image(image), name=str(image))
    picture = picture.resize((size, size), PilImages.Resampling.BICUBIC)
    return b"".join(band.tobytes() for band in picture.split())


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


def serve(size: int) -> None:
    """Answer each path or file content on stdin with its pixels on stdout, until stdin ends.

    A picture that fails is answered with `None`: the asking process reads it once more, and so
    raises its own error.
    """
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # nobody's print may get in between
    with suppress(EOFError, BrokenPipeError):  # the asking process has ended, or wants no more
        while True:
            source = pickle.load(sys.stdin.buffer)
            try:
                pixels = read_pixels(Image(source), size=size)
            except DataError:
                pixels = None
            pickle.dump(pixels, answers)
            answers.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
