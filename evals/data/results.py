"""Results files in JSON, as the benchmarks' servers and official scorers take them.

VQA (visualqa.org/challenge; TextVQA and OK-VQA alike): `[{"question_id": 42, "answer": "cat"}]`.
COCO captions (cocodataset.org): `[{"image_id": 42, "caption": "A cat."}]`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evals.data.annotation_files import read_json_list
from evals.data.rows import Problems, as_rows, rows_by_id
from evals.errors import DataError, list_problems
from evals.types import Answer, Prediction, ResultsFile, ResultsFormat, Source

MAX_DIGITS = 1000

ServerIds = Callable[[str, Source], Sequence[str] | None]
"""(split, source) -> every id that a server wants answered; `None`: those of the split."""


def vqa_results(
    file_names: Mapping[str, str], *, server_ids: ServerIds | None = None
) -> ResultsFormat:
    """Return the VQA format, with a file name for each split.

    What a server wants and the split does not ask is answered with "".
    """
    return _json_results(file_names, "question_id", text="answer", server_ids=server_ids)


def caption_results(file_names: Mapping[str, str]) -> ResultsFormat:
    """Return COCO's format, with a file name for each split."""
    return _json_results(file_names, "image_id", text="caption", server_ids=None)


def format_id(example_id: str) -> int | str:
    """Return an id as the official files write it: an integer wherever it spells one."""
    # Python makes no number of thousands of digits, and no data set has such an id.
    may_be = example_id.isdecimal() and len(example_id) < MAX_DIGITS
    return int(example_id) if may_be and str(int(example_id)) == example_id else example_id


def _json_results(
    file_names: Mapping[str, str], key: str, *, text: str, server_ids: ServerIds | None
) -> ResultsFormat:
    def write(split: str, predictions: Sequence[Prediction], source: Source) -> ResultsFile:
        answers = {prediction.example.id: prediction.answer.text for prediction in predictions}
        wanted = None if server_ids is None else server_ids(split, source)
        if wanted is not None:
            answers = _fill(answers, wanted, split=split)
        rows = [{key: format_id(row_id), text: answer} for row_id, answer in answers.items()]
        return ResultsFile(file_names[split], json.dumps(rows))

    def read(path: Path) -> Mapping[str, Answer]:
        wanted = json.dumps([{key: 42, text: "..."}])
        problems = Problems(str(path), way_out=f"The benchmark's results format is {wanted}.")
        rows = as_rows(read_json_list(path, problems=problems), str(path), problems=problems)
        if not rows and problems.is_empty:
            problems.add(f"{path}: holds no answer")
        answers = {row_id: Answer(row.text(text)) for row_id, row in rows_by_id(rows, key).items()}
        problems.raise_if_any()
        return answers

    return ResultsFormat(write=write, read=read)


def _fill(answers: Mapping[str, str], wanted: Sequence[str], *, split: str) -> dict[str, str]:
    filled = dict.fromkeys(wanted, "")
    if unknown := [row_id for row_id in answers if row_id not in filled]:
        raise DataError(
            f"the server's question file does not have these ids of {split}:\n"
            f"{list_problems(unknown)}"
        )
    return filled | dict(answers)
