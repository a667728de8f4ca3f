"""Pictures that are not plain RGB photographs: read as they should be, or refused by name."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImages
from PIL import features

from evals.errors import PictureError
from evals.models.idefics.pixels import read_pixels
from evals.types import Image

SIZE = 28
LOSSLESS = {"WEBP": {"lossless": True}}


def save(picture: PilImages.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def decode(content: bytes) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return (3, SIZE, SIZE)."""
    pixels = read_pixels(Image(content, name="row 7"), size=SIZE)
    return np.frombuffer(pixels, np.uint8).reshape(3, SIZE, SIZE)


def test_16_bit_greys_keep_their_shades() -> None:
    """Pillow's own conversion, and so transformers', makes all above 255 white."""
    shades = np.linspace(0, 65535, SIZE, dtype=np.uint16)
    deep = PilImages.fromarray(np.repeat(shades[None], SIZE, axis=0))
    expected = np.repeat((shades >> 8)[None], SIZE, axis=0)
    for kind in ("PNG", "TIFF", "PPM"):
        assert np.abs(decode(save(deep, kind)).astype(int) - expected).max() <= 1, kind
    assert np.array_equal(decode(save(deep, "PNG"))[0], expected)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_numbers_of_no_known_range_are_no_picture(dtype: type) -> None:
    content = save(PilImages.fromarray(np.ones((5, 5), dtype)), "TIFF")
    with pytest.raises(PictureError, match=r"row 7 cannot.*of no known range \(mode [IF]\)"):
        decode(content)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [PilImages.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    content = save(
        frames[0], kind, save_all=True, append_images=frames[1:], **LOSSLESS.get(kind, {})
    )
    assert PilImages.open(BytesIO(content)).n_frames == 3  # type: ignore[attr-defined]
    red, green, blue = decode(content)
    assert red.min() > 250
    assert max(green.max(), blue.max()) < 5


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    content = save(PilImages.new("RGB", (9, 9), "red"), "PNG")
    (tmp_path / "photo.jpg").write_bytes(content)
    pixels = read_pixels(Image(tmp_path / "photo.jpg"), size=SIZE)
    assert pixels == read_pixels(Image(content), size=SIZE)


def test_a_rotation_that_a_camera_noted_is_not_done() -> None:
    """The papers' tools do not either: IdeficsImageProcessor never looks at EXIF."""
    left_white = PilImages.fromarray(
        np.repeat([[255] * 20 + [0] * 20], 30, axis=0).astype(np.uint8)
    )
    turned = PilImages.Exif()
    turned[0x0112] = 6
    content = save(left_white.convert("RGB"), "JPEG", exif=turned, quality=95)
    assert np.array_equal(
        decode(content), decode(save(left_white.convert("RGB"), "JPEG", quality=95))
    )
    assert decode(content)[0, :, 0].min() > 250


def test_transparent_parts_are_white_in_every_mode() -> None:
    clear = PilImages.new("RGBA", (9, 9), (10, 20, 30, 0))
    assert decode(save(clear, "PNG")).min() == 255
    assert decode(save(clear.convert("LA"), "PNG")).min() == 255
    palette = PilImages.new("P", (9, 9), 0)
    palette.putpalette([10, 20, 30])
    assert decode(save(palette, "PNG", transparency=0)).min() == 255
    assert decode(save(palette, "GIF", transparency=0)).min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_light(kind: str) -> None:
    cyan = PilImages.new("CMYK", (9, 9), (255, 0, 0, 0))
    red, green, blue = decode(save(cyan, kind))
    assert red.max() < 5
    assert min(green.min(), blue.min()) > 250


def test_lab_colours_are_read() -> None:
    lab = PilImages.new("RGB", (9, 9), (200, 30, 30)).convert("LAB")
    red, green, _ = decode(save(lab, "TIFF"))
    assert red.min() > 150 > 100 > green.max()


def write_bmp_header(width: int, height: int) -> bytes:
    """A picture of any size, of which nothing but the size is there."""
    head = struct.pack("<IIiiHHIIiiII", 0, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHH", 54, 0, 0) + struct.pack("<I", 54) + head[4:]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("size", "limit"),
    [((20_000, 20_000), "bomb"), ((10_000, 9_000), "89,478,485"), ((70_000, 3), "65,535 a side")],
)
def test_a_monstrous_picture_is_refused_before_it_is_decoded(
    size: tuple[int, int], limit: str
) -> None:
    """Resizing 2 x 40,000,000 pixels would first make 224 x 40,000,000 of them."""
    with pytest.raises(PictureError, match="row 7 cannot be decoded") as raised:
        decode(write_bmp_header(*size))
    assert limit in str(raised.value)


def test_pillows_warning_of_a_bomb_may_be_an_error() -> None:
    with pytest.raises(PictureError, match="89478485 pixels"):
        decode(write_bmp_header(10_000, 9_000))


def test_a_long_picture_is_read() -> None:
    long = PilImages.new("RGB", (20_000, 3), "red")
    assert decode(save(long, "PNG"))[0].min() == 255


def test_the_message_says_what_is_wrong_and_nothing_of_this_process() -> None:
    messages = {}
    for name, content in (("empty", b""), ("text", b"hello"), ("zeros", bytes(1000))):
        with pytest.raises(PictureError) as raised:
            decode(content)
        messages[name] = str(raised.value)
    assert (
        messages["empty"] == "row 7 cannot be decoded as a picture (it is empty); replace the file"
    )
    assert (
        "(it is none of JPEG, PNG, GIF, BMP, PPM, WEBP, TIFF, JPEG2000, AVIF)" in messages["text"]
    )
    assert " at 0x" not in messages["zeros"]


def test_formats_that_run_programs_or_take_any_bytes_are_not_read(tmp_path: Path) -> None:
    """Pillow would have Ghostscript run an EPS, and takes most headers for a TGA."""
    tga = save(PilImages.new("RGB", (9, 9), "red"), "TGA")
    eps = save(PilImages.new("RGB", (9, 9), "red"), "EPS")
    for content in (tga, eps):
        with pytest.raises(PictureError, match="it is none of JPEG"):
            decode(content)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_any_error_of_pillow_is_a_pictures() -> None:
    """Found by fuzzing: Pillow raises a RuntimeError for a damaged AVIF."""
    content = save(PilImages.new("RGB", (16, 16), "red"), "AVIF")
    causes = set()
    for at in range(0, len(content), 3):
        try:
            decode(content[:at] + b"\xff" + content[at + 1 :])
        except PictureError as error:
            causes.add(type(error.__cause__))
    assert RuntimeError in causes
