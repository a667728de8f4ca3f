"""Examples of the three kinds of task from Hugging Face data sets.

`hub.<split>.columns` may name: `id`, `image` (or `file_name`, and `folder` before it), `image_id`,
`question`, `answers` and `raw_answers`, `captions`, `label`; any other field becomes metadata.
"""

from collections.abc import Iterable, Sequence
from sys import intern
from typing import Any

from evals.data.hub import PICTURE_FIELDS, HubTable, open_table
from evals.data.memes import read_label
from evals.data.rows import Row, rows_by_id
from evals.types import Example, ExampleSet, Source

CONTENT_FIELDS = {"id", "question", "answers", "raw_answers", "captions", "label", *PICTURE_FIELDS}


def read_hub_vqa(split: str, source: Source, *, task: str, answered: bool = True) -> ExampleSet:
    """Read questions with their answers, in row order.

    Raises:
        ConfigError: a field has no column.
        DataError: whatever is missing or malformed, all together.
    """
    fields = ["id", "question", *(["answers"] if answered else [])]
    table = open_table(split, source, task=task, fields=fields)
    rows = rows_by_id(table.rows, "id").values()
    examples = [
        Example(
            id=row.id("id"),
            image=row.values.get("image"),
            question=row.text("question"),
            references=_read_texts(row, "answers", key="answer") if answered else (),
            raw_references=_read_texts(row, "raw_answers", key="raw_answer")
            if answered and "raw_answers" in row.values
            else (),
            metadata=_read_metadata(row),
        )
        for row in rows
    ]
    return _finish(examples, table, answered=answered)


def read_hub_captions(split: str, source: Source, *, task: str) -> ExampleSet:
    """Read one example an image, of rows that have an image's captions or just one of them.

    Raises:
        ConfigError: a field has no column.
        DataError: whatever is missing or malformed, all together.
    """
    table = open_table(split, source, task=task, fields=["id", "captions"])
    groups: dict[str, list[Row]] = {}
    for row in table.rows:
        groups.setdefault(row.id("id"), []).append(row)
    examples = []
    for image_id, rows in groups.items():
        captions = [_read_texts(row, "captions", key="raw") for row in rows]
        if len(rows) > 1 and any(len(texts) > 1 for texts in captions):
            rows[1].reject(f"id {image_id} stands in {rows[0].place} too")
        examples.append(
            Example(
                id=image_id,
                image=rows[0].values.get("image"),
                references=tuple(text for texts in captions for text in texts),
                metadata={"image_id": image_id, **_read_metadata(rows[0])},
            )
        )
    return _finish(examples, table, answered=True)


def read_hub_choices(
    split: str, source: Source, *, task: str, num_choices: int, may_lack_labels: bool = False
) -> ExampleSet:
    """Read texts with labels: the number of the choice, also as digits or as a `ClassLabel`.

    Where `may_lack_labels`, either all rows have one or none (null or -1).

    Raises:
        ConfigError: a field has no column.
        DataError: whatever is missing or malformed, all together.
    """
    fields = ["id", "question", *([] if may_lack_labels else ["label"])]
    table = open_table(split, source, task=task, fields=fields)
    rows = rows_by_id([_with_number_label(row) for row in table.rows], "id").values()
    answered = not may_lack_labels or any(row.values.get("label") is not None for row in rows)
    examples = [
        Example(
            id=row.id("id"),
            image=row.values.get("image"),
            question=row.text("question"),
            label=read_label(row, num_choices=num_choices) if answered else None,
            metadata=_read_metadata(row),
        )
        for row in rows
    ]
    return _finish(examples, table, answered=answered)


def _finish(examples: Sequence[Example], table: HubTable, *, answered: bool) -> ExampleSet:
    table.problems.raise_if_any()
    return ExampleSet(
        tuple(examples), files=table.files, revision=table.revision, answered=answered
    )


def _read_texts(row: Row, field: str, *, key: str) -> tuple[str, ...]:
    """Return a cell's texts, whichever way a repository stores them.

    A string, a list of strings, a list of structs, or a struct of lists (how `datasets` stores a
    `Sequence` of structs); of structs the text is in `key`.
    """
    cell = row.values.get(field)
    if isinstance(cell, dict):
        cell = cell.get(key)
    texts: list[Any] = [cell] if isinstance(cell, str) else list(_as_iterable(cell))
    texts = [text.get(key) if isinstance(text, dict) else text for text in texts]
    if any(texts) and all(isinstance(text, str) for text in texts):
        return tuple(map(intern, texts))
    row.reject(f"field {field!r} is {row.values.get(field)!r:.60}: no text in it")
    return ()


def _as_iterable(cell: object) -> Iterable[Any]:
    return cell if isinstance(cell, list) else []


def _with_number_label(row: Row) -> Row:
    label = row.values.get("label")
    if isinstance(label, str) and label.isdecimal():
        label = int(label)
    return Row({**row.values, "label": None if label == -1 else label}, row.place, row.problems)


def _read_metadata(row: Row) -> dict[str, str]:
    return row.optional(*(field for field in row.values if field not in CONTENT_FIELDS))
