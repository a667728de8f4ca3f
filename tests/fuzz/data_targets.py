"""Annotation and results files of the five tasks, and plans."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from evals.demonstrations.plan import PlanEntry, Planned, read_plan, write_plan
from evals.runner.scoring import compute_scores
from evals.types import Answer, Example, Prediction, Source, Task
from tasks.coco import coco
from tasks.hateful_memes import hateful_memes
from tasks.okvqa import okvqa
from tasks.textvqa import textvqa
from tasks.vqav2 import vqav2
from tests.fuzz.targets import Target, read_files
from tests.official import OFFICIAL, write_textvqa_in_vqa_format

V2 = "v2_OpenEnded_mscoco_val2014_questions.json", "v2_mscoco_val2014_annotations.json"
OKVQA = (
    "annotations/OpenEnded_mscoco_val2014_questions.json",
    "annotations/mscoco_val2014_annotations.json",
)
PAIR = "val_questions_vqa_format.json", "val_annotations_vqa_format.json"


def make_data_targets(folder: Path) -> Iterator[Target]:
    """Yield the targets, their sound files in folders of their own."""
    homes = {name: folder / name for name in (*OFFICIAL, "textvqa_pair")}
    for name, home in homes.items():
        home.mkdir(parents=True)
        OFFICIAL.get(name, write_textvqa_in_vqa_format)(home)
    splits: list[tuple[Task, str, str, tuple[str, ...]]] = [
        (vqav2(), "vqav2", "val", V2),
        (vqav2(), "vqav2", "test-dev", ("v2_OpenEnded_mscoco_test-dev2015_questions.json",)),
        (okvqa(), "okvqa", "val", OKVQA),
        (coco(), "coco", "val", ("annotations/captions_val2014.json",)),
        (coco(), "coco", "karpathy_test", ("dataset_coco.json",)),
        (textvqa(), "textvqa", "val", ("TextVQA_0.5.1_val.json",)),
        (textvqa(), "textvqa_pair", "val", PAIR),
        (hateful_memes(), "hateful_memes", "train", ("train.jsonl",)),
        (hateful_memes(), "hateful_memes", "test_seen", ("test_seen.jsonl",)),
    ]
    for task, home, split, files in splits:
        name = f"{home} {split}"
        read = partial(_load, task, split, homes[home])
        yield Target(name, read_files(homes[home], *files), files, read)
    yield from _make_results(folder, homes)
    yield _make_plan(folder)


def _load(task: Task, split: str, home: Path, folder: Path) -> None:
    examples = task.load(split, Source(folder, image_dir=home)).examples
    assert examples, "an empty split is a mistake"
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        for text in (example.id, example.question, *example.references, *example.metadata.values()):
            text.encode()


def _make_results(folder: Path, homes: dict[str, Path]) -> Iterator[Target]:
    for task, split in ((vqav2(), "val"), (coco(), "val"), (hateful_memes(), "train")):
        examples = task.load(split, Source(homes[task.name], with_images=False)).examples
        predictions = [Prediction(each, _answer(each, task)) for each in examples]
        assert task.results_format is not None
        written = task.results_format.write(split, predictions, Source(homes[task.name]))
        file = {written.file_name: written.content.encode()}
        read = partial(_score, task, examples, written.file_name)
        yield Target(f"{task.name} results", file, (written.file_name,), read)


def _answer(example: Example, task: Task) -> Answer:
    if not task.choices:
        return Answer(example.references[0])
    return Answer(task.choices[1], choice=1, probabilities=(0.25, 0.75))


def _score(task: Task, examples: tuple[Example, ...], name: str, folder: Path) -> None:
    """Read a results file; score it, too, but for captions: those take a Java."""
    assert task.results_format is not None
    answers = task.results_format.read(folder / name)
    found = [Prediction(each, answers[each.id]) for each in examples if each.id in answers]
    if task.kind != "caption":
        compute_scores(task, found)


def _make_plan(folder: Path) -> Target:
    entries = [
        PlanEntry(str(number), (Planned("7", 0), Planned(f"a{number}", 3))) for number in range(5)
    ]
    path = folder / "plan.jsonl"
    write_plan(path, entries, {"num_demonstrations": 2, "sampler": "random", "seed": 0})
    return Target("plan", {"plan.jsonl": path.read_bytes()}, ("plan.jsonl",), _read_plan)


def _read_plan(folder: Path) -> None:
    for entry in read_plan(folder / "plan.jsonl").entries():
        assert isinstance(entry.query_id, str)
