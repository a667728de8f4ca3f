"""Picture files, by the names that annotation files give them.

A folder is listed once instead of asking for its 80,000 files one by one, and every example on a
picture gets the same `Image`, so that its bytes are hashed once.
"""

import os
import re
from functools import cache
from pathlib import Path, PurePosixPath

from evals.data.rows import Row
from evals.types import Image, Source

LEADS_OUT = re.compile(r"^$|^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0")
"""Absolute, or with a `..`, to POSIX or to Windows; and what is no file name at all."""


class Pictures:
    """The pictures of one load, looked for below `image_dir`, else below `data_dir`."""

    def __init__(self, source: Source) -> None:
        self._root = source.image_dir or source.data_dir
        # `image_dir` may hold the official sub-folders, or the files themselves.
        self._flat = source.image_dir is not None
        self.wanted = source.with_images
        self._keeps_missing = source.keep_missing
        self._images: dict[str, Image] = {}
        self._list_folder = cache(_list_folder)

    def find_named(self, row: Row, *fields: str, folder: str = "") -> Image | None:
        """Return the picture whose name stands in fields of a row, joined by `/`."""
        names = [row.name(field) for field in fields]
        if not all(names):
            return None
        return self.find("/".join([folder, *names] if folder else names), row)

    def find(self, name: str, row: Row) -> Image | None:
        """Return the picture called `name` (relative, with `/`).

        A name that leads out of the folder and a file that is not there are mistakes of `row`
        (the latter not where the source keeps missing ones). `None` then, and where the source is
        read without pictures.
        """
        if LEADS_OUT.search(name):
            row.reject(f"picture name {name!r} is absolute or contains '..'")
            return None
        if not self.wanted:
            return None
        if name not in self._images:
            path, reason = self._find_path(PurePosixPath(name))
            if path is None and not self._keeps_missing:
                row.problems.add_missing_picture(
                    f"{row.place}: picture {name} is not in {self._root}{reason}"
                )
                return None
            self._images[name] = Image(path or self._root / name)
        return self._images[name]

    def _find_path(self, name: PurePosixPath) -> tuple[Path | None, str]:
        """Return where a picture is, or why that cannot be known, if there is more to say."""
        reason = ""
        for candidate in (self._root / name, *([self._root / name.name] if self._flat else [])):
            names, why = self._list_folder(candidate.parent)
            if candidate.name in names:
                return candidate, ""
            reason = reason or why
        return None, reason


def _list_folder(folder: Path) -> tuple[frozenset[str], str]:
    """Return the names of a folder's files, and why they are not known."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file()), ""
    except (FileNotFoundError, NotADirectoryError):
        return frozenset(), ""
    except OSError as error:
        return frozenset(), f" ({error.strerror})"
