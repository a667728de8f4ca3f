"""COCO captions: captions_{train,val}2014.json, and Karpathy's splits in dataset_coco.json.

One example an image, its id the COCO id, its references in file order. Format of the first:
cocodataset.org; of the second: cs.stanford.edu/people/karpathy/deepimagesent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evals.data.annotation_files import list_rows, read_json, require_file
from evals.data.pictures import Pictures
from evals.data.rows import Problems, Row, rows_by_id
from evals.types import Example, ExampleSet, Source


@dataclass(frozen=True, slots=True)
class CaptionFiles:
    """Where one split stands."""

    annotations: str
    folder: str
    """Of the pictures, where the file does not name it (Karpathy's does)."""
    karpathy: str | None = None
    """The value of `split` in dataset_coco.json; `None`: every image of a COCO file."""


def read_captions(files: CaptionFiles, source: Source, *, problems: Problems) -> ExampleSet:
    """Read a split in the order of its images.

    `source.annotations` may also be a COCO file that holds just one of Karpathy's splits.

    Raises:
        DataError: whatever is missing or malformed, all together.
    """
    path = source.annotations or require_file(source, files.annotations, problems=problems)
    content = read_json(path, problems=problems) if path else None
    examples: tuple[Example, ...] = ()
    if path is not None and content is not None:
        images = list_rows(content, "images", path=path, problems=problems)
        pictures = Pictures(source)
        if files.karpathy is None or "annotations" in content:
            captions = list_rows(content, "annotations", path=path, problems=problems)
            examples = _read_coco(images, captions, folder=files.folder, pictures=pictures)
        else:
            chosen = [row for row in images if row.text("split") == files.karpathy]
            examples = _read_karpathy(chosen, pictures=pictures)
            if not chosen:
                problems.add(f"{path}: no image has the split {files.karpathy!r}")
    problems.raise_if_any()
    return ExampleSet(examples, files=(path,) if path else ())


def _read_coco(
    images: Iterable[Row], captions: Iterable[Row], *, folder: str, pictures: Pictures
) -> tuple[Example, ...]:
    rows = rows_by_id(images, "id")
    references: dict[str, list[str]] = {image_id: [] for image_id in rows}
    for caption in captions:
        image_id = caption.id("image_id")
        if image_id in references:
            references[image_id].append(caption.text("caption"))
        elif image_id:
            caption.reject(f"image_id {image_id} is not among the images")
    for image_id, texts in references.items():
        if not texts:
            rows[image_id].reject(f"image {image_id} has no caption")
    return tuple(
        Example(
            id=image_id,
            # Files cut down for scoring name no pictures.
            image=pictures.find_named(row, "file_name", folder=folder) if pictures.wanted else None,
            references=tuple(references[image_id]),
            metadata={"image_id": image_id},
        )
        for image_id, row in rows.items()
    )


def _read_karpathy(images: Iterable[Row], *, pictures: Pictures) -> tuple[Example, ...]:
    return tuple(
        Example(
            id=image_id,
            image=pictures.find_named(row, "filepath", "filename"),
            references=row.nested_texts("sentences", "raw"),
            metadata={"image_id": image_id},
        )
        for image_id, row in rows_by_id(images, "cocoid").items()
    )
