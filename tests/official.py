"""The five benchmarks' official files with a few rows, each as its own publisher writes them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

ANSWERS = ("cat", "cat", "Cats", "two cats", "cat", "kitten", "cat", "cat", "a cat", "tabby")


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def edit_json(path: Path, edit: Callable[[Any], object]) -> None:
    """Change a file's content in place."""
    content = json.loads(path.read_text())
    edit(content)
    write_json(path, content)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def write_picture(path: Path, *, shade: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (shade % 256, 90, 30)).save(path)
    return path


def coco_name(folder: str, image_id: int) -> str:
    return f"{folder}/COCO_{folder}_{image_id:012d}.jpg"


def vqa_rows(subset: str, *, first_id: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return four questions on three pictures, and their annotations in another order."""
    ids = [(first_id, 0), (first_id, 1), (first_id + 7, 0), (first_id + 9, 2)]
    questions = [
        {"image_id": i, "question": f"What is {i} in {subset}?", "question_id": i * 1000 + k}
        for i, k in ids
    ]
    annotations = [
        {
            "question_type": "what is",
            "multiple_choice_answer": "cat",
            "answers": [
                {"answer": answer, "answer_confidence": "yes", "answer_id": number}
                for number, answer in enumerate(ANSWERS, start=1)
            ],
            "image_id": question["image_id"],
            "answer_type": "other",
            "question_id": question["question_id"],
        }
        for question in reversed(questions)
    ]
    return questions, annotations


def write_vqav2(data_dir: Path) -> None:
    subsets = {"train2014": 100, "val2014": 262148, "test2015": 500}
    for subset, first_id in subsets.items():
        questions, annotations = vqa_rows(subset, first_id=first_id)
        header = {"info": {}, "data_type": "mscoco", "data_subtype": subset, "license": {}}
        name = f"v2_OpenEnded_mscoco_{subset}_questions.json"
        write_json(data_dir / name, {**header, "questions": questions})
        if subset == "test2015":
            name = "v2_OpenEnded_mscoco_test-dev2015_questions.json"
            write_json(data_dir / name, {**header, "questions": questions[1:]})
        else:
            name = f"v2_mscoco_{subset}_annotations.json"
            write_json(data_dir / name, {**header, "annotations": annotations})
        for question in questions:
            image_id = question["image_id"]
            write_picture(data_dir / coco_name(subset, image_id), shade=image_id)


def write_okvqa(data_dir: Path) -> None:
    """The annotations go to annotations/: half of the users keep them there."""
    for subset, first_id in (("train2014", 100), ("val2014", 297147)):
        questions, annotations = vqa_rows(subset, first_id=first_id)
        for annotation in annotations:
            annotation["confidence"] = 3
            for answer in annotation["answers"]:
                answer["raw_answer"] = f"{answer['answer']}ing"
        folder = data_dir / "annotations"
        write_json(folder / f"OpenEnded_mscoco_{subset}_questions.json", {"questions": questions})
        write_json(folder / f"mscoco_{subset}_annotations.json", {"annotations": annotations})
        for question in questions:
            image_id = question["image_id"]
            write_picture(data_dir / coco_name(subset, image_id), shade=image_id)


def write_coco(data_dir: Path) -> None:
    karpathy = []
    for folder, ids in (("train2014", [9, 25, 30]), ("val2014", [42, 73, 391895, 74, 133, 136])):
        captions = [
            {"image_id": image_id, "id": number, "caption": f"A cat {number} on {image_id} ."}
            for number in range(5)
            for image_id in reversed(ids)
        ]
        images = [
            {"id": i, "file_name": Path(coco_name(folder, i)).name, "height": 4, "width": 4}
            for i in ids
        ]
        write_json(
            data_dir / "annotations" / f"captions_{folder}.json",
            {"info": {}, "images": images, "licenses": [], "annotations": captions},
        )
        splits = (
            ["train"] * 3
            if folder == "train2014"
            else ["test", "test", "test", "val", "restval", "val"]
        )
        karpathy += [
            {
                "filepath": folder,
                "filename": Path(coco_name(folder, i)).name,
                "imgid": number,
                "split": split,
                "sentids": [1, 2],
                "sentences": [
                    {"tokens": ["a", "cat"], "raw": f"A cat, {k}, {i}.", "imgid": 0, "sentid": k}
                    for k in range(5)
                ],
                "cocoid": i,
            }
            for number, (i, split) in enumerate(zip(ids, splits, strict=True))
        ]
        for i in ids:
            write_picture(data_dir / coco_name(folder, i), shade=i)
    write_json(data_dir / "dataset_coco.json", {"images": karpathy, "dataset": "coco"})


def write_textvqa(data_dir: Path) -> None:
    for split, first_id in (("train", 0), ("val", 34602), ("test", 39602)):
        folder = "test_images" if split == "test" else "train_images"
        rows: list[dict[str, Any]] = []
        for number in range(3):
            image_id = f"00{split}{number // 2:x}c"
            row = {
                "question": f"what does {image_id} say?",
                "image_id": image_id,
                "image_classes": ["Sign"],
                "image_width": 4,
                "image_height": 4,
                "question_tokens": ["what"],
                "question_id": first_id + number,
                "set_name": split,
            }
            rows.append(row if split == "test" else {**row, "answers": list(ANSWERS)})
            write_picture(data_dir / folder / f"{image_id}.jpg", shade=first_id + number // 2)
        header = {"dataset_type": split, "dataset_name": "textvqa", "dataset_version": "0.5.1"}
        write_json(data_dir / f"TextVQA_0.5.1_{split}.json", {**header, "data": rows})


def write_textvqa_in_vqa_format(data_dir: Path) -> None:
    """OpenFlamingo's conversion of the same rows."""
    write_textvqa(data_dir)
    for split in ("train", "val"):
        official = data_dir / f"TextVQA_0.5.1_{split}.json"
        rows = json.loads(official.read_text())["data"]
        official.unlink()
        keys = ("question", "image_id", "question_id")
        questions = [{key: row[key] for key in keys} for row in rows]
        annotations = [
            {
                "question_id": row["question_id"],
                "image_id": row["image_id"],
                "question_type": "none of the above",
                "multiple_choice_answer": row["answers"][0],
                "answers": [
                    {"answer": answer, "answer_confidence": "yes", "answer_id": number}
                    for number, answer in enumerate(row["answers"], start=1)
                ],
            }
            for row in rows
        ]
        write_json(data_dir / f"{split}_questions_vqa_format.json", {"questions": questions})
        write_json(data_dir / f"{split}_annotations_vqa_format.json", {"annotations": annotations})


def write_hateful_memes(data_dir: Path) -> None:
    splits = {"train": 4, "dev_seen": 3, "dev_unseen": 3, "test_seen": 4, "test_unseen": 3}
    first_id = 1234
    for split, num_rows in splits.items():
        rows: list[dict[str, Any]] = [
            {
                "id": first_id + number,
                "img": f"img/{first_id + number:05d}.png",
                "label": number % 2,
                "text": f"look at “meme” {number}\u2028now",
            }
            for number in range(num_rows)
        ]
        for row in rows:
            write_picture(data_dir / row["img"], shade=row["id"])
        write_lines(data_dir / f"{split}.jsonl", rows)
        first_id += 100


OFFICIAL: Mapping[str, Callable[[Path], None]] = {
    "vqav2": write_vqav2,
    "okvqa": write_okvqa,
    "coco": write_coco,
    "textvqa": write_textvqa,
    "hateful_memes": write_hateful_memes,
}
"""Task -> writes all of its splits into a data_dir."""
