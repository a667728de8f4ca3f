"""docs/adding-a-task.md: the page's own code, taken from it and run."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image

from evals.errors import ConfigError
from evals.types import Answer, Metric, Prediction, Score, Source, Task, Wording

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-task.md"
BLOCK = re.compile(r"```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)


def find_block(language: str, *, containing: str) -> str:
    """Return the page's only code block in a language with some words in it."""
    found = [
        match["code"]
        for match in BLOCK.finditer(PAGE.read_text())
        if match["language"] == language and containing in match["code"]
    ]
    assert len(found) == 1
    return found[0]


PLUGIN = find_block("python", containing="def easy_vqa()")
YAML = find_block("yaml", containing="_target_")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Someone's folder with the two files of the page."""
    (tmp_path / "easy_vqa_task.py").write_text(PLUGIN)
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "easy_vqa.yaml").write_text(YAML)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("easy_vqa_task", None)


@pytest.fixture
def task(folder: Path) -> Task:
    with initialize_config_dir(str(folder / "configs"), version_base="1.3"):
        node = compose(overrides=["+task=easy_vqa"]).tasks.easy_vqa
    task = instantiate({"_target_": node["_target_"]})
    assert isinstance(task, Task)
    return task


def test_the_task_is_one_small_file() -> None:
    assert len(PLUGIN.splitlines()) <= 60


def test_the_splits_have_their_official_sizes(task: Task) -> None:
    for split, size in OmegaConf.create(YAML).split_sizes.items():
        examples = task.load(split, Source(Path())).examples
        assert len(examples) == size
        assert len({example.id for example in examples}) == size
    with pytest.raises(ConfigError, match="easy_vqa has no split 'val'; its splits: train, test"):
        task.load("val", Source(Path()))


def test_examples_ask_about_the_packages_own_pictures(task: Task) -> None:
    loaded = task.load("test", Source(Path()))
    first, second = loaded.examples[:2]
    assert first.question == "what is the red shape?"
    assert set(first.references) == {"triangle"}
    assert first.image is second.image
    assert first.image is not None
    assert isinstance(first.image.source, Path)
    with Image.open(first.image.source) as picture:
        assert picture.size == (64, 64)
    assert loaded.files[0].is_file()
    assert loaded == task.load("test", Source(Path()))


def test_the_references_score_the_maximum_and_another_word_nothing(task: Task) -> None:
    examples = task.load("test", Source(Path())).examples[:100]
    (metric,) = task.metrics
    for answers, value in (([e.references[0] for e in examples], 1.0), (["x"] * 100, 0.0)):
        predictions = [Prediction(e, Answer(a)) for e, a in zip(examples, answers, strict=True)]
        (score,) = metric.compute(predictions)
        assert (score.value, score.num_examples) == (value, 100)


def test_the_pages_measure_counts_exact_answers(task: Task) -> None:
    names: dict[str, object] = {}
    exec(find_block("python", containing="EXACT ="), names)  # noqa: S102
    exact = names["EXACT"]
    assert isinstance(exact, Metric)
    first, second = task.load("test", Source(Path())).examples[:2]
    predictions = [Prediction(first, Answer("triangle")), Prediction(second, Answer("RED"))]
    (score,) = exact.compute(predictions)
    assert (score.name, score.value, score.num_examples) == ("exact", 0.5, 2)
    assert score.per_example == {first.id: 1.0, second.id: 0.0}
    assert exact.compute([])[0].value is None


def test_the_pages_scores_say_which_way_is_better() -> None:
    names: dict[str, Any] = {}
    exec(find_block("python", containing="def to_error_rate"), names)  # noqa: S102
    accuracy = Score("accuracy", 0.75, 4)
    error_rate, rank = names["to_error_rate"](accuracy), names["to_rank"](accuracy)
    assert (error_rate.value, str(error_rate.scale)) == (0.25, "lower is better, points")
    assert str(rank.scale) == "lower is better, plain"
    assert names["to_error_rate"](Score("accuracy", None, 0)).value is None


def test_the_pages_wording_fits_a_task(task: Task) -> None:
    names: dict[str, object] = {}
    exec(find_block("python", containing="wording ="), names)  # noqa: S102
    wording = names["wording"]
    assert isinstance(wording, dict)
    assert isinstance(replace(task, wording=wording).wording["idefics"], Wording)


def test_the_pages_command_runs(folder: Path) -> None:
    """As written, but for the model (none is needed to see it run) and the number of queries."""
    environment, program, *arguments = shlex.split(find_block("sh", containing="evals run"))
    assert (environment, program) == ("PYTHONPATH=.", "evals")
    settings = ["model=mock", "limit=3", "run_dir=runs"]
    call = [sys.executable, "-c", "from evals.cli import main; main()", *arguments, *settings]
    python_path = os.pathsep.join([".", str(PAGE.parents[1])])
    done = subprocess.run(
        call,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(done.stdout.decode().splitlines()[-1])
    assert [run["num_queries"] for run in result["runs"]] == [3, 3]
    assert all(set(run["scores"]) == {"official"} for run in result["runs"])
