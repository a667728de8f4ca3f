"""The results file of the Hateful Memes challenge (DrivenData): CSV with `id,proba,label`.

`proba` is P(hateful), the probability of the second choice; `label` the choice itself.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.data.annotation_files import read_text
from evals.data.results import format_id
from evals.data.rows import Problems, Row, rows_by_id
from evals.errors import DataError
from evals.types import Answer, Prediction, ResultsFile, ResultsFormat, Source

COLUMNS = ["id", "proba", "label"]


def meme_results(file_names: Mapping[str, str], *, choices: tuple[str, str]) -> ResultsFormat:
    """Return the format, with a file name for each split."""

    def write(split: str, predictions: Sequence[Prediction], source: Source) -> ResultsFile:
        rows = [_format_row(prediction) for prediction in predictions]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        return ResultsFile(file_names[split], text.getvalue())

    def read(path: Path) -> Mapping[str, Answer]:
        way_out = f"The challenge's results format is CSV with the columns {','.join(COLUMNS)}."
        problems = Problems(str(path), way_out=way_out)
        rows = rows_by_id(_read_rows(path, problems=problems), "id")
        answers = {row_id: _read_answer(row, choices=choices) for row_id, row in rows.items()}
        problems.raise_if_any()
        return answers

    return ResultsFormat(write=write, read=read)


def _format_row(prediction: Prediction) -> list[object]:
    answer = prediction.answer
    if answer.choice is None or len(answer.probabilities) != 2:
        raise DataError(
            f"example {prediction.example.id} has no probabilities: this results file wants the "
            "two choices ranked, not an answer generated"
        )
    # repr of a float reads back as the same float.
    return [format_id(prediction.example.id), repr(answer.probabilities[1]), answer.choice]


def _read_rows(path: Path, *, problems: Problems) -> list[Row]:
    text = io.StringIO(read_text(path, problems=problems), newline=None)
    lines = csv.DictReader(text, restval="")
    try:
        names = list(lines.fieldnames or ())
        rows = [Row(line, f"{path}, line {lines.line_num}", problems) for line in lines]
    except csv.Error as error:
        problems.add(f"{path}, line {lines.line_num}: {error}")
        return []
    if missing := [name for name in COLUMNS if name not in names]:
        problems.add(f"{path}: has no column {', '.join(missing)}")
    if doubled := [name for name in COLUMNS if names.count(name) > 1]:
        problems.add(f"{path}: has the column {', '.join(doubled)} twice")
    if not rows and problems.is_empty:
        problems.add(f"{path}: holds no answer")
    return rows if problems.is_empty else []


def _read_answer(row: Row, *, choices: tuple[str, str]) -> Answer:
    label, probability = row.text("label").strip(), row.text("proba").strip()
    if label not in ("0", "1"):
        row.reject(f"label {label!r} is neither 0 nor 1")
        return Answer()
    try:
        hateful = float(probability)
    except ValueError:
        hateful = float("nan")
    if not 0 <= hateful <= 1:
        row.reject(f"proba {probability!r} is not a number from 0 to 1")
    choice = int(label)
    return Answer(choices[choice], choice=choice, probabilities=(1 - hateful, hateful))
