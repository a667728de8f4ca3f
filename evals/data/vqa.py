"""The VQA format: a question file and an annotation file with ten answers to each question.

Of VQAv2 (visualqa.org), of OK-VQA, and of OpenFlamingo's conversions of other benchmarks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from evals.data.annotation_files import list_rows, read_json, require_file
from evals.data.pictures import Pictures
from evals.data.rows import Problems, Row, rows_by_id
from evals.types import Example, ExampleSet, Source


@dataclass(frozen=True, slots=True)
class VqaFiles:
    """The official names of one split."""

    questions: str
    annotations: str | None
    """`None` where the split officially has no answers."""
    picture: str
    """Below `data_dir`, with the image id: `val2014/COCO_val2014_{image_id:0>12}.jpg`."""
    raw_answers: bool = False
    """Whether each answer also has the `raw_answer` that OK-VQA keeps beside its stem."""


def read_vqa(files: VqaFiles, source: Source, *, problems: Problems) -> ExampleSet:
    """Read a split in the order of its question file.

    Raises:
        DataError: whatever is missing or malformed, all together.
    """
    questions = source.questions or require_file(source, files.questions, problems=problems)
    annotations = source.annotations
    if annotations is None and files.annotations is not None:
        annotations = require_file(source, files.annotations, problems=problems)

    asked = _read_rows(questions, "questions", problems=problems)
    answers = _read_rows(annotations, "annotations", problems=problems)
    if asked is not None and answers is not None:
        _check_pairs(asked, answers)
    pictures = Pictures(source)
    examples = tuple(
        _build_example(row, (answers or {}).get(row_id), files=files, pictures=pictures)
        for row_id, row in (asked or {}).items()
    )
    problems.raise_if_any()
    return ExampleSet(
        examples,
        files=tuple(path for path in (questions, annotations) if path is not None),
        answered=answers is not None,
    )


def _read_rows(path: Path | None, key: str, *, problems: Problems) -> dict[str, Row] | None:
    content = None if path is None else read_json(path, problems=problems)
    if path is None or content is None:
        return None
    return rows_by_id(list_rows(content, key, path=path, problems=problems), "question_id")


def _check_pairs(asked: Mapping[str, Row], answers: Mapping[str, Row]) -> None:
    for row_id, row in asked.items():
        if row_id not in answers:
            row.reject(f"question_id {row_id} has no annotation")
        elif answers[row_id].id("image_id") != str(row.values.get("image_id")):
            answers[row_id].reject(f"its image_id is not that of {row.place}")
    for row_id, row in answers.items():
        if row_id not in asked:
            row.reject(f"question_id {row_id} has no question")


def _build_example(
    question: Row, annotation: Row | None, *, files: VqaFiles, pictures: Pictures
) -> Example:
    image_id = question.id("image_id")
    kinds = annotation.optional("answer_type", "question_type") if annotation else {}
    return Example(
        id=str(question.values["question_id"]),
        image=pictures.find(files.picture.format(image_id=image_id), question)
        if image_id
        else None,
        question=question.text("question"),
        references=_read_answers(annotation, "answer"),
        raw_references=_read_answers(annotation, "raw_answer") if files.raw_answers else (),
        metadata={"image_id": image_id} | {key: intern(kind) for key, kind in kinds.items()},
    )


def _read_answers(annotation: Row | None, field: str) -> tuple[str, ...]:
    # The 4.4 million answers of VQAv2's train split are a few hundred thousand strings.
    return tuple(map(intern, annotation.nested_texts("answers", field))) if annotation else ()
