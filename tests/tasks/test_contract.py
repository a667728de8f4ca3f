"""What every task keeps, whatever it reads: run over each file of configs/task/."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from evals.errors import ConfigError
from evals.resources import configs_dir
from evals.types import Answer, Example, ExampleSet, HubSource, Prediction, Source, Task
from tests.data.hub_folders import write_as_hub
from tests.official import OFFICIAL

NAMES = sorted(path.stem for path in (configs_dir() / "task").glob("*.yaml"))
HARNESS_KEYS = ("split", "support_split", "split_sizes", "benchmark", "reference_splits", "hub")


def read_yaml(name: str) -> dict[str, Any]:
    node = OmegaConf.load(configs_dir() / "task" / f"{name}.yaml")
    content = OmegaConf.to_container(node, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def build(name: str) -> Task:
    plugin = {key: value for key, value in read_yaml(name).items() if key not in HARNESS_KEYS}
    task = instantiate(plugin)
    assert isinstance(task, Task)
    return task


def answer_from_references(example: Example, task: Task, *, use_raw: bool) -> Answer:
    if example.label is not None:
        probabilities = tuple(float(i == example.label) for i in range(len(task.choices)))
        return Answer(task.choices[example.label], example.label, probabilities)
    texts = example.raw_references if use_raw else example.references
    return Answer(max(texts, key=texts.count))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(name: str, tmp_path: Path) -> Source:
    OFFICIAL[name](tmp_path)
    return Source(tmp_path)


def load_all(name: str, source: Source) -> dict[str, ExampleSet]:
    return {split: build(name).load(split, source) for split in read_yaml(name)["split_sizes"]}


def test_every_task_file_has_a_fixture() -> None:
    assert set(NAMES) == set(OFFICIAL)


def test_a_task_file_is_small_and_names_itself(name: str) -> None:
    text = (configs_dir() / "task" / f"{name}.yaml").read_text()
    assert text.startswith(f"# @package tasks.{name}\n")
    assert build(name).name == name
    plugin = Path(__file__).parents[2] / "tasks" / f"{name}.py"
    assert len(plugin.read_text().splitlines()) <= 60


def test_default_splits_are_official_and_answered(name: str, source: Source) -> None:
    content = read_yaml(name)
    assert {content["split"], content["support_split"], *content["reference_splits"]} <= set(
        content["split_sizes"]
    )
    for key in ("split", "support_split"):
        assert build(name).load(content[key], source).answered


def test_hub_entries_are_complete_for_official_splits(name: str) -> None:
    content = read_yaml(name)
    assert set(content["hub"]) <= set(content["split_sizes"])
    for entry in content["hub"].values():
        HubSource(**entry)


@pytest.mark.usefixtures("offline_hub")
def test_the_hub_columns_give_the_examples_of_the_official_files(
    name: str, source: Source, tmp_path: Path
) -> None:
    task, hub = build(name), {}
    official = {split: task.load(split, source) for split in read_yaml(name)["hub"]}
    for split, entry in read_yaml(name)["hub"].items():
        folder = tmp_path / "repositories" / split
        examples, columns = official[split].examples, entry["columns"]
        write_as_hub(folder, entry["split"], examples=examples, columns=columns)
        hub[split] = replace(HubSource(**entry), repository=str(folder))
    for split, expected in official.items():
        read = task.load(split, replace(source, hub=hub))
        assert read.answered == expected.answered
        assert read.files
        for one, other in zip(read.examples, expected.examples, strict=True):
            assert (one.id, one.question, one.label) == (other.id, other.question, other.label)
            assert one.references == other.references
            assert one.image == other.image
            if "raw_answers" in hub[split].columns:
                assert one.raw_references == other.raw_references


def test_ids_are_unique_and_the_order_is_stable(name: str, source: Source) -> None:
    first, again = load_all(name, source), load_all(name, source)
    for split, examples in first.items():
        ids = [example.id for example in examples.examples]
        assert len(ids) >= 1
        assert len(set(ids)) == len(ids)
        assert examples == again[split]


def test_examples_have_what_their_kind_needs(name: str, source: Source) -> None:
    task = build(name)
    assert bool(task.choices) == (task.kind == "classify")
    for examples in load_all(name, source).values():
        assert examples.files
        for example in examples.examples:
            assert example.image is not None
            assert len(example.image.read_bytes()) > 0
            assert bool(example.question) == (task.kind != "caption")
            assert (example.label is not None) == (task.kind == "classify" and examples.answered)
            assert bool(example.references) == (task.kind != "classify" and examples.answered)
            assert example.metadata["image_id"]


def test_examples_on_one_picture_share_one_image(name: str, source: Source) -> None:
    for examples in load_all(name, source).values():
        images: dict[str, object] = {}
        for example in examples.examples:
            assert images.setdefault(example.metadata["image_id"], example.image) is example.image


def test_pictures_are_not_needed_to_score(name: str, source: Source, tmp_path: Path) -> None:
    for picture in [*tmp_path.rglob("*.jpg"), *tmp_path.rglob("*.png")]:
        picture.unlink()
    without = Source(tmp_path, with_images=False)
    for examples in load_all(name, without).values():
        assert all(example.image is None for example in examples.examples)


def test_predicting_the_references_scores_the_maximum(name: str, source: Source) -> None:
    task, content = build(name), read_yaml(name)
    examples = task.load(content["split"], source).examples
    if task.kind == "caption":
        # Of several different captions no one reaches the maximum; of one, itself does.
        examples = tuple(replace(e, references=e.references[:1]) for e in examples)
    maximum = {"cider": 10.0}
    for metric in task.metrics:
        predictions = [
            Prediction(e, answer_from_references(e, task, use_raw=metric.name == "raw_answers"))
            for e in examples
        ]
        for score in metric.compute(predictions):
            if score.value is not None:
                assert score.value == pytest.approx(maximum.get(score.name, 1.0), rel=0.02)


def test_results_files_read_back(name: str, source: Source, tmp_path: Path) -> None:
    task = build(name)
    assert task.results_format is not None
    for split, examples in load_all(name, source).items():
        probabilities = (0.3, 0.7) if task.choices else ()
        answer = Answer("yes", 1, probabilities) if task.choices else Answer('two "cats", é')
        predictions = [Prediction(example, answer) for example in examples.examples]
        written = task.results_format.write(split, predictions, source)
        path = tmp_path / written.file_name
        path.write_text(written.content)
        read = task.results_format.read(path)
        for example in examples.examples:
            back = read[example.id]
            assert (back.text, back.choice) == (answer.text, answer.choice)
            assert back.probabilities == pytest.approx(answer.probabilities, abs=1e-15)


def test_an_unknown_split_is_refused_with_the_known_ones(name: str, source: Source) -> None:
    for given in (source, Source(source.data_dir, hub={})):
        with pytest.raises(ConfigError, match=f"{name} has no split 'trial'; its splits: train, "):
            build(name).load("trial", given)
