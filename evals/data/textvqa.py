"""TextVQA: the official file, questions and answers in one, or OpenFlamingo's VQA-format pair.

textvqa.org/dataset; a file shows its format by its fields, so `questions=` or `annotations=` may
name either.
"""

from dataclasses import dataclass
from pathlib import Path
from sys import intern

from evals.data.annotation_files import list_rows, read_json, require_file
from evals.data.pictures import Pictures
from evals.data.rows import Problems, Row, rows_by_id
from evals.data.vqa import VqaFiles, read_vqa
from evals.types import Example, ExampleSet, Source


@dataclass(frozen=True, slots=True)
class TextVqaFiles:
    """The names of one split in both formats; the official file is taken where both are there."""

    official: str
    vqa: VqaFiles


def read_textvqa(files: TextVqaFiles, source: Source, *, problems: Problems) -> ExampleSet:
    """Read a split in file order.

    Raises:
        DataError: whatever is missing or malformed, all together.
    """
    path = _find_official(files, source, problems=problems)
    problems.raise_if_any()
    if path is None:
        return read_vqa(files.vqa, source, problems=problems)
    answered = files.vqa.annotations is not None
    pictures = Pictures(source)
    content = read_json(path, problems=problems)
    rows = [] if content is None else list_rows(content, "data", path=path, problems=problems)
    examples = tuple(
        _build_example(row, picture=files.vqa.picture, answered=answered, pictures=pictures)
        for row in rows_by_id(rows, "question_id").values()
    )
    problems.raise_if_any()
    return ExampleSet(examples, files=(path,), answered=answered)


def _find_official(files: TextVqaFiles, source: Source, *, problems: Problems) -> Path | None:
    """Return the file in the official format; `None` where the VQA-format pair is to be read."""
    if source.questions and source.annotations:
        return None
    if given := source.annotations or source.questions:
        content = read_json(given, problems=problems)
        return given if content and "data" in content else None
    path = require_file(source, files.official, files.vqa.questions, problems=problems)
    return path if path and path.name == files.official else None


def _build_example(row: Row, *, picture: str, answered: bool, pictures: Pictures) -> Example:
    image_id = row.id("image_id")
    return Example(
        id=str(row.values["question_id"]),
        image=pictures.find(picture.format(image_id=image_id), row) if image_id else None,
        question=row.text("question"),
        references=tuple(map(intern, row.texts("answers"))) if answered else (),
        metadata={"image_id": image_id},
    )
