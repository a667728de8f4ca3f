"""A benchmark of VQAv2's size in its official files: generated questions on tiny pictures."""

import io
import json
from pathlib import Path
from random import Random

from PIL import Image as Pil

from evals.bench.vocabulary import ask

QUESTIONS_A_PICTURE = 5
"""VQAv2 val has 214,354 questions on 40,504 pictures."""
NUM_TRAIN = 20_000
SUBSETS = {"train": "train2014", "val": "val2014"}
FIRST_PICTURE = {"train": 1, "val": 500_001}
"""The two splits share no picture."""


def write_vqav2(folder: Path, *, num_queries: int) -> None:
    """Write train and val below `folder`; val has `num_queries` questions."""
    for split, count in (("train", NUM_TRAIN), ("val", num_queries)):
        _write_split(folder, split, count)


def _write_split(folder: Path, split: str, count: int) -> None:
    random, subset = Random(split), SUBSETS[split]
    questions, annotations = [], []
    for index in range(count):
        question, answer = ask(random)
        other, _ = ask(random)
        image_id = FIRST_PICTURE[split] + index // QUESTIONS_A_PICTURE
        ids = {"image_id": image_id, "question_id": image_id * 1000 + index % QUESTIONS_A_PICTURE}
        questions.append(ids | {"question": question})
        # Seven people agree; three say something else, each of them differently.
        said = [answer] * 7 + [f"{answer} {number}" for number in range(2)] + [other]
        annotations.append(
            ids
            | {
                "question_type": question.partition(" ")[0].lower(),
                "answer_type": "yes/no" if answer in ("yes", "no") else "other",
                "multiple_choice_answer": answer,
                "answers": [
                    {"answer_id": number, "answer": text, "answer_confidence": "yes"}
                    for number, text in enumerate(said, start=1)
                ],
            }
        )
    (folder / subset).mkdir(parents=True)
    first, num_pictures = FIRST_PICTURE[split], -(-count // QUESTIONS_A_PICTURE)
    for number in range(first, first + num_pictures):
        (folder / subset / f"COCO_{subset}_{number:012d}.jpg").write_bytes(_draw(number))
    _write_json(folder / f"v2_OpenEnded_mscoco_{subset}_questions.json", questions=questions)
    _write_json(folder / f"v2_mscoco_{subset}_annotations.json", annotations=annotations)


def _draw(number: int) -> bytes:
    """Return the smallest of JPEGs; its comment makes its bytes differ from any other's."""
    file = io.BytesIO()
    Pil.new("RGB", (8, 8)).save(file, "JPEG", comment=str(number))
    return file.getvalue()


def _write_json(path: Path, **content: object) -> None:
    path.write_text(json.dumps({"info": {"description": "generated"}, **content}))
