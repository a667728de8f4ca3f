"""tasks.vqav2: what its server wants."""

import json
from pathlib import Path

import pytest

from evals.errors import DataError
from evals.types import Answer, Prediction, Source
from tasks.vqav2 import vqav2
from tests.official import write_vqav2


def export(split: str, source: Source) -> dict[int, str]:
    task = vqav2()
    assert task.results_format is not None
    examples = task.load(split, source).examples
    predictions = [Prediction(example, Answer("yes")) for example in examples]
    written = task.results_format.write(split, predictions, source)
    return {row["question_id"]: row["answer"] for row in json.loads(written.content)}


def test_a_test_dev_file_answers_all_questions_of_test2015(tmp_path: Path) -> None:
    write_vqav2(tmp_path)
    assert export("test-dev", Source(tmp_path, with_images=False)) == {
        500000: "",
        500001: "yes",
        507000: "yes",
        509002: "yes",
    }


def test_a_given_question_file_of_test_dev_is_not_taken_for_test2015(tmp_path: Path) -> None:
    write_vqav2(tmp_path)
    official = tmp_path / "v2_OpenEnded_mscoco_test-dev2015_questions.json"
    mine = official.rename(tmp_path / "mine.json")
    assert len(export("test-dev", Source(tmp_path, questions=mine, with_images=False))) == 4
    everything = tmp_path / "v2_OpenEnded_mscoco_test2015_questions.json"
    mine = everything.rename(tmp_path / "everything.json")
    assert len(export("test", Source(tmp_path, questions=mine, with_images=False))) == 4


def test_without_the_questions_of_test2015_no_file_is_written(tmp_path: Path) -> None:
    write_vqav2(tmp_path)
    (tmp_path / "v2_OpenEnded_mscoco_test2015_questions.json").unlink()
    with pytest.raises(DataError, match=r"v2_OpenEnded_mscoco_test2015_questions\.json is neither"):
        export("test-dev", Source(tmp_path, with_images=False))


def test_a_val_file_answers_val(tmp_path: Path) -> None:
    write_vqav2(tmp_path)
    assert len(export("val", Source(tmp_path))) == 4
