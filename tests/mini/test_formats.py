"""The official file formats (VQA, OK-VQA, COCO, TextVQA, Hateful Memes), field by field."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

VQA = [("vqav2", "v2_"), ("okvqa", "")]
SUBSETS = ("train2014", "val2014")


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def read_vqa(folder: Path, prefix: str, subset: str) -> tuple[dict[str, Any], dict[str, Any]]:
    questions = read(folder / f"{prefix}OpenEnded_mscoco_{subset}_questions.json")
    annotations = read(folder / f"{prefix}mscoco_{subset}_annotations.json")
    return questions, annotations


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize(("task", "prefix"), VQA)
def test_vqa_files_have_the_official_fields(
    task: str, prefix: str, subset: str, mini_root: Path
) -> None:
    questions, annotations = read_vqa(mini_root / task, prefix, subset)
    assert set(questions) == {
        "info", "license", "data_type", "data_subtype", "task_type", "questions"
    }  # fmt: skip
    assert {"info", "license", "data_type", "data_subtype", "annotations"} <= set(annotations)
    assert questions["data_subtype"] == annotations["data_subtype"] == subset
    for question, annotation in zip(
        questions["questions"], annotations["annotations"], strict=True
    ):
        assert set(question) == {"image_id", "question_id", "question"}
        assert set(annotation) == {
            "question_type", "multiple_choice_answer", "answers", "image_id", "answer_type",
            "question_id",
        }  # fmt: skip
        assert question["question_id"] == annotation["question_id"]
        assert question["question_id"] // 1000 == question["image_id"] == annotation["image_id"]
        picture = f"COCO_{subset}_{question['image_id']:012d}.jpg"
        assert (mini_root / task / subset / picture).is_file()


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize(("task", "prefix"), VQA)
def test_ten_people_answer_each_question_and_not_always_alike(
    task: str, prefix: str, subset: str, mini_root: Path
) -> None:
    _, annotations = read_vqa(mini_root / task, prefix, subset)
    num_unanimous = 0
    for annotation in annotations["annotations"]:
        answers = annotation["answers"]
        assert [answer["answer_id"] for answer in answers] == list(range(1, 11))
        assert {answer["answer_confidence"] for answer in answers} <= {"yes", "maybe", "no"}
        counts = Counter(answer["answer"] for answer in answers)
        assert counts[annotation["multiple_choice_answer"]] >= 6
        num_unanimous += len(counts) == 1
    assert 0.1 < num_unanimous / len(annotations["annotations"]) < 0.6


def test_vqav2_has_all_three_answer_types_and_balanced_yes_no(mini_root: Path) -> None:
    _, annotations = read_vqa(mini_root / "vqav2", "v2_", "train2014")
    rows = annotations["annotations"]
    assert {row["answer_type"] for row in rows} == {"yes/no", "number", "other"}
    for question_type in ("is the", "is there a"):
        answers = [
            row["multiple_choice_answer"] for row in rows if row["question_type"] == question_type
        ]
        assert 0.4 < answers.count("yes") / len(answers) < 0.6


def test_okvqa_keeps_each_answer_as_typed_and_stemmed_from_five_people_twice(
    mini_root: Path,
) -> None:
    _, annotations = read_vqa(mini_root / "okvqa", "", "val2014")
    assert set(annotations["question_types"]) >= {
        row["question_type"] for row in annotations["annotations"]
    }
    stems = set()
    for row in annotations["annotations"]:
        pairs = [(answer["raw_answer"], answer["answer"]) for answer in row["answers"]]
        assert pairs[::2] == pairs[1::2]
        stems |= set(pairs)
    assert ("red lions", "red lion") in stems


def test_each_coco_picture_has_five_captions_in_both_files(mini_root: Path) -> None:
    folder = mini_root / "coco"
    karpathy = read(folder / "dataset_coco.json")
    assert karpathy["dataset"] == "coco"
    by_id = {row["cocoid"]: row for row in karpathy["images"]}
    for subset in SUBSETS:
        captions = read(folder / f"captions_{subset}.json")
        counts = Counter(row["image_id"] for row in captions["annotations"])
        assert {image["id"] for image in captions["images"]} == set(counts)
        assert set(counts.values()) == {5}
        assert len({row["id"] for row in captions["annotations"]}) == 5 * len(counts)
        for image in captions["images"]:
            row = by_id[image["id"]]
            assert (row["filepath"], row["filename"]) == (subset, image["file_name"])
            assert (folder / subset / image["file_name"]).is_file()
            assert [sentence["raw"] for sentence in row["sentences"]] == [
                caption["caption"]
                for caption in captions["annotations"]
                if caption["image_id"] == image["id"]
            ]


def test_karpathys_train_is_train2014_and_his_other_splits_are_val2014(mini_root: Path) -> None:
    rows = read(mini_root / "coco" / "dataset_coco.json")["images"]
    assert {(row["split"], row["filepath"]) for row in rows} == {
        ("train", "train2014"),
        ("restval", "val2014"),
        ("val", "val2014"),
        ("test", "val2014"),
    }
    assert [row["imgid"] for row in rows] == list(range(len(rows)))


@pytest.mark.parametrize("split", ["train", "val"])
def test_textvqa_keeps_questions_and_answers_in_one_file(split: str, mini_root: Path) -> None:
    folder = mini_root / "textvqa"
    content = read(folder / f"TextVQA_0.5.1_{split}.json")
    assert content["dataset_version"] == "0.5.1"
    for row in content["data"]:
        assert set(row) == {
            "question", "image_id", "image_classes", "flickr_original_url", "flickr_300k_url",
            "image_width", "image_height", "answers", "question_tokens", "question_id", "set_name",
        }  # fmt: skip
        assert len(row["answers"]) == 10
        assert row["set_name"] == split
        with Image.open(folder / "train_images" / f"{row['image_id']}.jpg") as picture:
            assert picture.size == (row["image_width"], row["image_height"])


@pytest.mark.parametrize("split", ["train", "dev_seen", "test_seen"])
def test_memes_are_json_lines_that_name_their_picture(split: str, mini_root: Path) -> None:
    folder = mini_root / "hateful_memes"
    rows = [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]
    for row in rows:
        assert set(row) == {"id", "img", "label", "text"}
        assert (folder / row["img"]).is_file()
    assert sum(row["label"] for row in rows) * 2 == len(rows)
