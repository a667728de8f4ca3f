"""Local folders that `datasets.load_dataset` reads, as the hub's repositories are laid out."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from evals.types import Example

TEXT = Value("string")


def encode_picture(shade: int) -> dict[str, Any]:
    data = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 90, 30)).save(data, "PNG")
    return {"bytes": data.getvalue(), "path": None}


def write_split(
    folder: Path, split: str, *, rows: Sequence[Mapping[str, Any]], features: Mapping[str, Any]
) -> Path:
    """Write one split's parquet file, next to those that are already there."""
    path = folder / "data" / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [row[name] for row in rows] for name in features}
    Dataset.from_dict(columns, features=Features(features)).to_parquet(path)
    return path


def encode_file(path: Path) -> dict[str, Any]:
    return {"bytes": path.read_bytes(), "path": None}


def write_as_hub(
    folder: Path, split: str, *, examples: Sequence[Example], columns: Mapping[str, str]
) -> None:
    """Write examples under the column names of a repository, pictures inside or by name."""
    cells: dict[str, list[Any]] = {}
    for field, column in columns.items():
        cells[column] = [_make_cell(field, example, columns) for example in examples]
    dataset = Dataset.from_dict(cells)
    if "image" in columns:
        dataset = dataset.cast_column(columns["image"], ImageFeature())
    path = folder / "data" / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_parquet(path)


def _make_cell(field: str, example: Example, columns: Mapping[str, str]) -> Any:
    assert example.image is not None
    picture = example.image.source
    assert isinstance(picture, Path)
    has_both = columns.get("answers") == columns.get("raw_answers")
    structs = [
        {"answer": answer, "raw_answer": raw}
        for answer, raw in zip(example.references, example.raw_references, strict=False)
    ]
    values: dict[str, Any] = {
        "id": int(example.id),
        "image": encode_file(picture),
        "folder": picture.parent.name,
        "file_name": picture.name if "folder" in columns else f"img/{picture.name}",
        "question": example.question,
        "answers": structs if has_both else list(example.references),
        "raw_answers": structs,
        "captions": list(example.references),
        "label": example.label,
    }
    return values[field] if field in values else example.metadata.get(field)
