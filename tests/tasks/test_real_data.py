"""The tasks on real annotations and photographs."""

import json
from pathlib import Path

import pytest
from PIL import Image

from evals.types import Source
from tasks.coco import coco
from tasks.okvqa import okvqa
from tasks.textvqa import textvqa
from tasks.vqav2 import vqav2


def test_real_photographs_load_with_captions_and_questions(shared_data_dir: Path) -> None:
    source = Source(shared_data_dir / "coco_real")
    captions = coco().load("val", source).examples
    questions = okvqa().load("val", source).examples
    assert (len(captions), len(questions)) == (85, 13)
    assert all(len(example.references) >= 5 for example in captions)
    assert all(len(example.raw_references) == 10 for example in questions)
    for example in (*captions[:5], *questions[:5]):
        assert example.image is not None
        assert isinstance(example.image.source, Path)
        with Image.open(example.image.source) as picture:
            assert min(picture.size) > 100


@pytest.mark.parametrize(("split", "size"), [("train", 9009), ("val", 5046)])
def test_all_of_okvqa_loads(split: str, size: int, golden_dir: Path) -> None:
    loaded = okvqa().load(split, Source(golden_dir / "okvqa", with_images=False))
    assert len(loaded.examples) == size
    assert all(len(e.references) == len(e.raw_references) == 10 for e in loaded.examples)


def test_okvqa_results_of_others_are_read(golden_dir: Path) -> None:
    results_format = okvqa().results_format
    assert results_format is not None
    answers = results_format.read(golden_dir / "okvqa" / "pica_vinvl_n16_results.json")
    loaded = okvqa().load("val", Source(golden_dir / "okvqa", with_images=False))
    assert set(answers) == {example.id for example in loaded.examples}


def test_textvqa_loads_in_openflamingos_format(golden_dir: Path) -> None:
    loaded = textvqa().load("val", Source(golden_dir / "textvqa", with_images=False))
    assert len(loaded.examples) == 5000
    assert loaded.examples[0].metadata["image_id"] == "003a8ae2ef43b901"


def test_a_part_of_vqav2_loads_from_given_files(golden_dir: Path) -> None:
    folder = golden_dir / "vqav2_subset"
    source = Source(
        golden_dir,
        questions=folder / "v2_OpenEnded_mscoco_valid_questions.json",
        annotations=folder / "v2_mscoco_valid_annotations.json",
        with_images=False,
    )
    examples = vqav2().load("train", source).examples
    assert len(examples) == 8977
    assert {e.metadata["answer_type"] for e in examples} == {"yes/no", "number", "other"}


def test_karpathys_test_split_loads_from_a_coco_file(golden_dir: Path) -> None:
    path = golden_dir / "coco" / "captions_karpathy_test.json"
    source = Source(golden_dir, annotations=path, with_images=False)
    examples = coco().load("karpathy_test", source).examples
    assert len(examples) == 5000
    assert sum(len(example.references) for example in examples) == len(
        json.loads(path.read_text())["annotations"]
    )
