"""Small copies of pictures, made on all cores; a picture that is gone has none."""

import io
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from evals.errors import EvalError
from evals.files import write_atomic
from evals.runner import Progress
from evals.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

LONGEST_SIDE = 320
_QUALITY = 80


def make_thumbnails(images: Iterable[Image], out: Path, progress: Progress) -> Mapping[int, str]:
    """Write `pictures/<sha256>.jpg` for each picture that can be read.

    Pillow lets go of the interpreter while it decodes, scales and encodes, so threads suffice.

    Returns:
        `id(image)` -> file name below `out`: pictures are known by reference, since to know one
        by its bytes is to read it.
    """
    distinct = {id(image): image for image in images}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = pool.map(lambda image: _make_thumbnail(image, out), distinct.values())
        names = progress.track(made, "thumbnails", total=len(distinct))
        return {key: name for key, name in zip(distinct, names, strict=True) if name is not None}


def _make_thumbnail(image: Image, out: Path) -> str | None:
    from evals.models.idefics.pixels import BROKEN, to_rgb

    try:
        name = f"pictures/{image.sha256[:32]}.jpg"
        if (out / name).is_file():
            return name
        with _open(image) as picture:
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            small = to_rgb(picture, name=str(image))  # as the models see it
    except (EvalError, *BROKEN):
        return None  # the page shows a placeholder with the picture's name
    content = io.BytesIO()
    small.save(content, "JPEG", quality=_QUALITY)
    write_atomic(out / name, content.getvalue())
    return name


def _open(image: Image) -> "PilImage":
    from evals.models.idefics.pixels import open_image

    picture = open_image(image)
    return picture.copy() if picture is image.source else picture
