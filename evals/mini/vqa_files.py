"""The official files of VQAv2 and OK-VQA: questions, annotations and COCO picture names.

Formats: visualqa.org/download.html and okvqa.allenai.org/download.html.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evals.mini.annotators import state_confidence
from evals.mini.drawing import Scene, encode_jpeg

SUBSETS = {"train": "train2014", "val": "val2014"}
FIRST_IMAGE_ID = {"train": 1, "val": 500_001}
"""Picture numbers of the two splits never meet, as in COCO."""
LICENSE = {"name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a picture, with its ten answers."""

    question: str
    answer: str
    answers: Sequence[str]
    question_type: str
    answer_type: str
    raw_answers: Sequence[str] | None = None
    """OK-VQA: as typed, while `answers` are stemmed."""


@dataclass(frozen=True, slots=True)
class AskedPicture:
    scene: Scene
    asked: Sequence[Asked]


def write_vqa(
    folder: Path,
    split: str,
    *,
    name: str,
    prefix: str,
    pictures: Iterable[AskedPicture],
    question_types: dict[str, str] | None = None,
) -> None:
    """Write one split: pictures, `{prefix}OpenEnded_mscoco_*` and `{prefix}mscoco_*` files."""
    subset = SUBSETS[split]
    rng = Random(f"{name} {split} confidence")
    questions, annotations = [], []
    (folder / subset).mkdir(parents=True)
    for image_id, picture in enumerate(pictures, start=FIRST_IMAGE_ID[split]):
        write_coco_picture(folder, subset, image_id, scene=picture.scene)
        for number, asked in enumerate(picture.asked):
            ids = {"image_id": image_id, "question_id": image_id * 1000 + number}
            questions.append({**ids, "question": asked.question})
            annotations.append(
                {
                    "question_type": asked.question_type,
                    "multiple_choice_answer": asked.answer,
                    "answers": _list_answers(rng, asked),
                    **ids,
                    "answer_type": asked.answer_type,
                }
            )
    head = {
        "info": {"description": f"mini {name}: drawn scenes", "version": "1.0", "year": 2026},
        "license": LICENSE,
        "data_type": "mscoco",
        "data_subtype": subset,
    }
    tables = {"question_types": question_types} if question_types else {}
    write_json(
        folder / f"{prefix}OpenEnded_mscoco_{subset}_questions.json",
        {**head, "task_type": "Open-Ended", "questions": questions},
    )
    write_json(
        folder / f"{prefix}mscoco_{subset}_annotations.json",
        {**head, **tables, "annotations": annotations},
    )


def write_coco_picture(folder: Path, subset: str, image_id: int, *, scene: Scene) -> str:
    """Write a picture under its COCO name and return the name."""
    file_name = f"COCO_{subset}_{image_id:012d}.jpg"
    (folder / subset / file_name).write_bytes(encode_jpeg(scene))
    return file_name


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def _list_answers(rng: Random, asked: Asked) -> list[dict[str, object]]:
    raw_answers: Sequence[str | None] = asked.raw_answers or [None] * len(asked.answers)
    return [
        {
            "answer_id": number,
            **({} if raw is None else {"raw_answer": raw}),
            "answer": answer,
            "answer_confidence": state_confidence(rng),
        }
        for number, (answer, raw) in enumerate(zip(asked.answers, raw_answers, strict=True), 1)
    ]
