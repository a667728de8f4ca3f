"""Pictures of hub data sets: in an image column, or as names of files that lie elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.data.pictures import Pictures
from evals.data.rows import Row
from evals.errors import DataError, PictureError
from evals.types import Image, Source

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """Reads one picture's encoded bytes when called."""

    dataset: "Dataset"
    """With the image column alone, not decoded."""
    column: str
    number: int
    roots: Sequence[Path]
    """Folders that its path may lead into: a data set may come from anybody."""

    def __call__(self) -> bytes:
        stored = self.dataset[self.number][self.column] or {"bytes": None, "path": None}
        if stored["bytes"] is not None:
            return bytes(stored["bytes"])
        if stored["path"] is None:
            raise PictureError(f"row {self.number} has no picture in {self.column!r}")
        path = Path(stored["path"]).absolute()  # not `resolve`: links of the user's own are fine
        if ".." in path.parts or not any(path.is_relative_to(root) for root in self.roots):
            raise PictureError(
                f"row {self.number}: picture {path} lies outside of the data set's own folders"
            )
        try:
            return path.read_bytes()
        except OSError as error:
            raise PictureError(f"picture {path} cannot be read: {error.strerror}") from error


class HubPictures:
    """The pictures of one split; rows with the same `image_id` share one `Image`."""

    def __init__(
        self,
        dataset: "Dataset",
        columns: Mapping[str, str],
        source: Source,
        *,
        roots: Sequence[Path],
    ) -> None:
        self._files = Pictures(source)
        self._keeps_missing = source.keep_missing
        self._images: dict[str, Image] = {}
        self._roots = roots
        self._column = columns.get("image")
        if self._column is not None:
            self._dataset = _undecoded(dataset, self._column)
            self._present = _find_present(self._dataset, self._column)

    def find(self, number: int, row: Row) -> Image | None:
        if self._column is None:
            fields = [field for field in ("folder", "file_name") if field in row.values]
            return self._files.find_named(row, *fields)
        if not self._present[number] and not self._keeps_missing:
            row.problems.add_missing_picture(f"{row.place}: no picture in {self._column!r}")
            return None
        stored = StoredPicture(self._dataset, self._column, number, self._roots)
        image = Image(stored, name=row.place)
        image_id = row.values.get("image_id")
        return image if image_id is None else self._images.setdefault(str(image_id), image)


def _undecoded(dataset: "Dataset", column: str) -> "Dataset":
    from datasets import Image as ImageFeature

    pictures = dataset.select_columns([column])
    if not isinstance(pictures.features[column], ImageFeature):
        raise DataError(
            f"column {column!r} holds {pictures.features[column]}, not pictures; a column of file "
            "names is `file_name`, not `image`"
        )
    return pictures.cast_column(column, ImageFeature(decode=False))


def _find_present(dataset: "Dataset", column: str) -> list[bool]:
    """Return for each row whether it has a picture, without reading any."""
    content, path = (part.is_valid().to_pylist() for part in dataset.data.column(column).flatten())
    return [
        bool(has_content or has_path) for has_content, has_path in zip(content, path, strict=True)
    ]
