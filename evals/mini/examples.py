"""Read the mini benchmarks back as examples: what the trainer and the baseline work on.

A plain reading of files that evals/mini/make.py has just written; the benchmarks' real readers,
which check everything, are in evals/data and tasks/.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.types import Example, Image, Kind, Task


@dataclass(frozen=True, slots=True)
class MiniTask:
    """What a protocol has to know of a mini benchmark, and how its splits are read."""

    name: str
    kind: Kind
    read: Callable[[Path, str], list[Example]]
    """(data_dir, `"train"` or `"val"`) -> examples in file order."""
    choices: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """The task as protocols look it up, by name and kind."""
        return Task(self.name, self.kind, _refuse_to_load, metrics=(), choices=self.choices)


def read_vqav2(data_dir: Path, split: str) -> list[Example]:
    return _read_vqa(data_dir, split, prefix="v2_")


def read_okvqa(data_dir: Path, split: str) -> list[Example]:
    return _read_vqa(data_dir, split, prefix="")


def read_coco(data_dir: Path, split: str) -> list[Example]:
    """Read Karpathy's split: `val` is his test split, the one that papers report."""
    images = _read_json(data_dir / "dataset_coco.json")["images"]
    wanted = {"train": "train", "val": "test"}[split]
    return [
        Example(
            id=str(row["cocoid"]),
            image=Image(data_dir / row["filepath"] / row["filename"]),
            references=tuple(sentence["raw"] for sentence in row["sentences"]),
        )
        for row in images
        if row["split"] == wanted
    ]


def read_textvqa(data_dir: Path, split: str) -> list[Example]:
    return [
        Example(
            id=str(row["question_id"]),
            image=Image(data_dir / "train_images" / f"{row['image_id']}.jpg"),
            question=row["question"],
            references=tuple(row["answers"]),
        )
        for row in _read_json(data_dir / f"TextVQA_0.5.1_{split}.json")["data"]
    ]


def read_hateful_memes(data_dir: Path, split: str) -> list[Example]:
    """Read a split: `val` is test_seen, the one that papers report."""
    name = {"train": "train", "val": "test_seen"}[split]
    rows = [json.loads(line) for line in (data_dir / f"{name}.jsonl").read_text().splitlines()]
    return [
        Example(
            id=str(row["id"]),
            image=Image(data_dir / row["img"]),
            question=row["text"],
            label=row["label"],
        )
        for row in rows
    ]


MINIS = (
    MiniTask("vqav2", "vqa", read_vqav2),
    MiniTask("okvqa", "vqa", read_okvqa),
    MiniTask("coco", "caption", read_coco),
    MiniTask("textvqa", "vqa", read_textvqa),
    MiniTask("hateful_memes", "classify", read_hateful_memes, choices=("no", "yes")),
)


def _read_vqa(data_dir: Path, split: str, *, prefix: str) -> list[Example]:
    subset = f"{split}2014"
    asked = _read_json(data_dir / f"{prefix}OpenEnded_mscoco_{subset}_questions.json")
    answered = _read_json(data_dir / f"{prefix}mscoco_{subset}_annotations.json")
    rows = zip(asked["questions"], answered["annotations"], strict=True)
    return [_build_example(data_dir / subset, *row) for row in rows]


def _build_example(
    folder: Path, question: Mapping[str, Any], annotation: Mapping[str, Any]
) -> Example:
    answers = annotation["answers"]
    name = f"COCO_{folder.name}_{question['image_id']:012d}.jpg"
    return Example(
        id=str(question["question_id"]),
        image=Image(folder / name),
        question=question["question"],
        references=tuple(answer["answer"] for answer in answers),
        raw_references=tuple(answer["raw_answer"] for answer in answers if "raw_answer" in answer),
        metadata={"question_type": annotation["question_type"]},
    )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _refuse_to_load(split: str, source: object) -> Any:
    raise AssertionError(f"the mini reader loads {split} itself")
