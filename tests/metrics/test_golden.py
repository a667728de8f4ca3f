"""Every row of the golden files through the production readers, so that the scores hold for them.

The golden scores are computed from annotations that `tests.metrics.golden` reads by itself. Here
the package's readers are held against that reading, row by row, and TextVQA's and VizWiz' answers,
of which no official score is at hand, against the golden spellings.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evals.data.annotation_files import official_problems
from evals.data.vqa import VqaFiles, read_vqa
from evals.metrics import M4C, NORMALISED
from evals.types import Answer, Example, ExampleSet, Prediction, ResultsFormat, Source
from tasks.coco import coco
from tasks.okvqa import okvqa
from tasks.textvqa import textvqa
from tasks.vqav2 import vqav2
from tests.metrics.golden import read_json, read_rows, vqa_example
from tests.official import write_json

VIZWIZ = VqaFiles(
    questions="val_questions_vqa_format.json",
    annotations="val_annotations_vqa_format.json",
    picture="{image_id}",
)


def load_vizwiz(split: str, source: Source) -> ExampleSet:
    """OpenFlamingo's conversion of VizWiz, for which there is a reader and no task."""
    problems = official_problems("vizwiz", split, download="vizwiz.org")
    return read_vqa(VIZWIZ, source, problems=problems)


class Golden(NamedTuple):
    load: Callable[[str, Source], ExampleSet]
    split: str
    questions: str
    annotations: str
    size: int


GOLDEN = {
    "okvqa train": Golden(
        okvqa().load,
        "train",
        "okvqa/OpenEnded_mscoco_train2014_questions.json",
        "okvqa/mscoco_train2014_annotations.json",
        9009,
    ),
    "okvqa val": Golden(
        okvqa().load,
        "val",
        "okvqa/OpenEnded_mscoco_val2014_questions.json",
        "okvqa/mscoco_val2014_annotations.json",
        5046,
    ),
    "vqav2": Golden(
        vqav2().load,
        "train",
        "vqav2_subset/v2_OpenEnded_mscoco_valid_questions.json",
        "vqav2_subset/v2_mscoco_valid_annotations.json",
        8977,
    ),
    "textvqa": Golden(
        textvqa().load,
        "val",
        "textvqa/val_questions_vqa_format.json",
        "textvqa/val_annotations_vqa_format.json",
        5000,
    ),
    "vizwiz": Golden(
        load_vizwiz,
        "val",
        "vizwiz/val_questions_vqa_format.json",
        "vizwiz/val_annotations_vqa_format.json",
        4319,
    ),
}


@cache
def read_examples(golden_dir: Path, name: str) -> tuple[Example, ...]:
    golden = GOLDEN[name]
    source = Source(
        golden_dir,
        questions=golden_dir / golden.questions,
        annotations=golden_dir / golden.annotations,
        with_images=False,
    )
    return golden.load(golden.split, source).examples


def expect_examples(
    questions: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]
) -> list[Example]:
    answered = {row["question_id"]: vqa_example(row) for row in annotations}
    return [
        replace(
            answered[row["question_id"]],
            question=row["question"],
            metadata={"image_id": str(row["image_id"]), **answered[row["question_id"]].metadata},
        )
        for row in questions
    ]


def assert_equal_rows(read: Sequence[Example], expected: Sequence[Example]) -> None:
    """Show the rows that differ, not all of them."""
    assert [pair for pair in zip(read, expected, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("name", GOLDEN)
def test_every_question_is_read_with_its_answers(golden_dir: Path, name: str) -> None:
    golden = GOLDEN[name]
    questions = read_json(golden_dir / golden.questions)["questions"]
    annotations = read_json(golden_dir / golden.annotations)["annotations"]
    assert len(questions) == len(annotations) == golden.size
    assert_equal_rows(read_examples(golden_dir, name), expect_examples(questions, annotations))


def test_the_three_hundred_questions_are_read_with_their_answers(
    golden_dir: Path, tmp_path: Path
) -> None:
    golden = read_json(golden_dir / "vqav2_300.json")
    source = Source(
        tmp_path,
        questions=write_json(tmp_path / "questions.json", golden["questions"]),
        annotations=write_json(tmp_path / "annotations.json", golden["annotations"]),
        with_images=False,
    )
    expected = expect_examples(
        golden["questions"]["questions"], golden["annotations"]["annotations"]
    )
    assert len(expected) == 300
    assert_equal_rows(vqav2().load("train", source).examples, expected)


@pytest.mark.parametrize(
    ("name", "split", "num_images", "num_captions"),
    [
        ("captions_karpathy_test.json", "karpathy_test", 5000, 25_010),
        ("captions_fakecap.json", "val", 1000, 5005),
    ],
)
def test_every_image_is_read_with_its_captions(
    golden_dir: Path, name: str, split: str, num_images: int, num_captions: int
) -> None:
    path = golden_dir / "coco" / name
    content = read_json(path)
    captions: dict[int, list[str]] = {image["id"]: [] for image in content["images"]}
    for row in content["annotations"]:
        captions[row["image_id"]].append(row["caption"])
    assert (len(captions), sum(map(len, captions.values()))) == (num_images, num_captions)
    expected = [
        Example(str(i), None, references=tuple(texts), metadata={"image_id": str(i)})
        for i, texts in captions.items()
    ]
    source = Source(golden_dir, annotations=path, with_images=False)
    assert_equal_rows(coco().load(split, source).examples, expected)


@pytest.mark.parametrize(
    ("results_format", "name", "key", "text"),
    [
        (okvqa().results_format, "okvqa/pica_vinvl_n16_results.json", "question_id", "answer"),
        (
            vqav2().results_format,
            "vqav2_subset/preds_valid_question_type_prior_from_train.json",
            "question_id",
            "answer",
        ),
        (
            coco().results_format,
            "coco/captions_val2014_fakecap_results.json",
            "image_id",
            "caption",
        ),
    ],
    ids=["okvqa", "vqav2", "coco"],
)
def test_every_prediction_is_read_verbatim(
    golden_dir: Path, results_format: ResultsFormat, name: str, key: str, text: str
) -> None:
    rows = read_json(golden_dir / name)
    read = results_format.read(golden_dir / name)
    assert len(read) == len(rows)
    assert [row for row in rows if read[str(row[key])] != Answer(row[text])] == []


def test_every_raw_answer_of_okvqa_stands_beside_its_released_stem(golden_dir: Path) -> None:
    """Of 25 raw answers a few were released with another stem, so the most frequent one counts."""
    stems = read_json(golden_dir / "okvqa_stems.json")
    released: dict[str, Counter[str]] = {raw: Counter() for raw in stems}
    for name in ("okvqa train", "okvqa val"):
        for example in read_examples(golden_dir, name):
            for raw, stem in zip(example.raw_references, example.references, strict=True):
                released[raw][stem] += 1
    assert len(released) == 16_504
    assert sum(len(counts) > 1 for counts in released.values()) == 25
    wrong = {
        raw: counts
        for raw, counts in released.items()
        if counts[stems[raw]["official_v11"]] != max(counts.values())
    }
    assert wrong == {}


@pytest.mark.parametrize("name", ["textvqa", "vizwiz"])
def test_an_annotators_answer_scores_by_the_golden_spellings(golden_dir: Path, name: str) -> None:
    """Each question's first answer, by the definition: every annotator left out once."""
    spellings = {
        raw: {NORMALISED.name: vqa, M4C.name: m4c}
        for raw, vqa, m4c in read_rows(golden_dir / "vqa_answer_normalisation.jsonl.gz")
    }
    examples = read_examples(golden_dir, name)
    for metric in (NORMALISED, M4C):
        expected = {}
        for example in examples:
            spelt = [spellings[answer][metric.name] for answer in example.references]
            matches = spelt.count(spelt[0])
            left = [matches - (own == spelt[0]) for own in spelt]
            expected[example.id] = sum(min(3, others) for others in left) / 30
        (score,) = metric.compute([Prediction(e, Answer(e.references[0])) for e in examples])
        assert score.per_example == expected
