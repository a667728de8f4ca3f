"""Hateful Memes (Kiela et al. 2020): JSON lines of `id`, `img`, `text` and `label`."""

from dataclasses import dataclass

from evals.data.annotation_files import read_json_lines, require_file
from evals.data.pictures import Pictures
from evals.data.rows import Problems, Row, rows_by_id
from evals.types import Example, ExampleSet, Source


@dataclass(frozen=True, slots=True)
class MemeFiles:
    annotations: str
    may_lack_labels: bool = False
    """True of the test splits: the challenge's first files had no labels, later releases have."""


def read_memes(
    files: MemeFiles, source: Source, *, num_choices: int, problems: Problems
) -> ExampleSet:
    """Read a split in file order; the question is the text on the meme.

    Labels are wanted of all rows or, where `may_lack_labels`, of none.

    Raises:
        DataError: whatever is missing or malformed, all together.
    """
    path = source.annotations or require_file(source, files.annotations, problems=problems)
    lines = read_json_lines(path, problems=problems) if path else []
    if path is not None and not lines and problems.is_empty:
        problems.add(f"{path}: no row to read")
    rows = rows_by_id(lines, "id")
    answered = not files.may_lack_labels or any(
        row.values.get("label") is not None for row in rows.values()
    )
    pictures = Pictures(source)
    examples = tuple(
        Example(
            id=row_id,
            # The path is taken from the row: some copies write the id 1234 as "01234".
            image=pictures.find_named(row, "img"),
            question=row.text("text"),
            label=read_label(row, num_choices=num_choices) if answered else None,
            metadata={"image_id": str(row.values.get("img"))},
        )
        for row_id, row in rows.items()
    )
    problems.raise_if_any()
    return ExampleSet(examples, files=(path,) if path else (), answered=answered)


def read_label(row: Row, *, num_choices: int) -> int | None:
    label = row.values.get("label")
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < num_choices:
        return label
    row.reject(
        f"label is {label!r}, not one of {', '.join(map(str, range(num_choices)))}"
        if "label" in row.values
        else "field 'label' is missing"
    )
    return None
