"""A prompt: text and pictures, interleaved."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evals.digests import sha256_file, stamp_file
from evals.errors import PictureError, PromptError

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage


@dataclass(frozen=True, slots=True)
class Text:
    """A run of text in a prompt; never empty inside a `Prompt`."""

    text: str


@dataclass(frozen=True, eq=False)
class Image:
    """A picture by reference; its identity is the sha256 of its bytes, its pixels are decoded late.

    Two images are equal when their bytes are. A PIL image has no file bytes: its mode, size and
    raw pixels (and its palette) stand for them.
    """

    source: "Path | str | bytes | Callable[[], bytes] | PilImage"
    """A path, a URL (`str`), encoded bytes, a function that reads encoded bytes, or a PIL image."""
    name: str = ""
    """What an error calls it, where the source does not say (a row of a hub data set)."""

    def __str__(self) -> str:
        if self.name:
            return self.name
        if isinstance(self.source, Path | str):
            return str(self.source)
        return f"a picture given as {type(self.source).__name__}"

    @property
    def is_url(self) -> bool:
        return isinstance(self.source, str)

    def read_bytes(self) -> bytes:
        """Return the encoded bytes (of a PIL image: mode, size and raw pixels).

        Raises:
            PictureError: the file cannot be read.
            PromptError: it is a URL; models fetch those, and only with `allow_urls=True`.
        """
        if isinstance(self.source, bytes):
            return self.source
        if isinstance(self.source, Path):
            try:
                return self.source.read_bytes()
            except OSError as error:
                raise PictureError(
                    f"picture {self.source} cannot be read: {error.strerror}"
                ) from error
        if isinstance(self.source, str):
            raise PromptError(
                f"{self.source} is a URL, and URLs are not fetched; load the model with "
                "allow_urls=True, or pass a path, bytes or a PIL image"
            )
        if callable(self.source):
            return self.source()
        picture = self.source
        palette = bytes(picture.getpalette() or ())  # of a GIF: its pixels are indices into it
        return f"{picture.mode} {picture.size}\n".encode() + palette + picture.tobytes()

    @cached_property
    def sha256(self) -> str:
        """The picture's identity, read once; of a file remembered (evals.digests).

        Raises:
            PictureError: the file cannot be read.
        """
        return self._hash()

    def verify(self) -> None:
        """Read the bytes again, whatever is remembered; `sha256` is theirs from then on.

        Raises:
            PictureError: the file cannot be read.
        """
        vars(self)["sha256"] = self._hash(verify=True)  # where the cached property looks first

    @cached_property
    def stamp(self) -> str | None:
        """What a file shows without being read: size and times; `None` of another source."""
        if not isinstance(self.source, Path):
            return None
        try:
            return stamp_file(self.source)
        except OSError:
            return "unreadable"

    @property
    def num_bytes(self) -> int | None:
        """The length of the encoded bytes; `None` where it is not known without reading them."""
        if isinstance(self.source, bytes):
            return len(self.source)
        size = (self.stamp or "").partition(" ")[0]
        return int(size) if size.isdecimal() else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        if self is other:
            return True
        sizes = (self.num_bytes, other.num_bytes)
        if None not in sizes and sizes[0] != sizes[1]:
            return False  # without reading either: plans compare many pictures
        return self.sha256 == other.sha256

    def _hash(self, *, verify: bool = False) -> str:
        if not isinstance(self.source, Path):
            return hashlib.sha256(self.read_bytes()).hexdigest()
        try:
            return sha256_file(self.source, verify=verify)
        except OSError as error:
            raise PictureError(f"picture {self.source} cannot be read: {error.strerror}") from error

    def __hash__(self) -> int:
        return hash(self.sha256)


Segment = Text | Image
Prompt = tuple[Segment, ...]
"""Interleaved text and pictures: never two `Text` in a row, never an empty one (`build_prompt`)."""
