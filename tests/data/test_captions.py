"""evals.data.captions: COCO's caption files and Karpathy's splits."""

from pathlib import Path

import pytest

from evals.data.annotation_files import official_problems
from evals.data.captions import CaptionFiles, read_captions
from evals.errors import DataError
from evals.types import ExampleSet, Source
from tests.official import edit_json, write_coco

VAL = CaptionFiles("captions_val2014.json", "val2014")
KARPATHY_TEST = CaptionFiles("dataset_coco.json", "val2014", karpathy="test")


def read(source: Source, files: CaptionFiles = VAL) -> ExampleSet:
    problems = official_problems("coco", "val", download="cocodataset.org")
    return read_captions(files, source, problems=problems)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_coco(tmp_path)
    return tmp_path


def message_of(source: Source, files: CaptionFiles = VAL) -> str:
    with pytest.raises(DataError) as error:
        read(source, files)
    return str(error.value)


def test_every_image_is_one_example_with_its_captions_in_file_order(data_dir: Path) -> None:
    loaded = read(Source(data_dir))
    assert [example.id for example in loaded.examples] == ["42", "73", "391895", "74", "133", "136"]
    third = loaded.examples[2]
    assert third.references == tuple(f"A cat {number} on 391895 ." for number in range(5))
    assert third.question == ""
    assert third.image is not None
    assert third.image.source == data_dir / "val2014" / "COCO_val2014_000000391895.jpg"


@pytest.mark.parametrize(
    ("split", "ids"),
    [
        ("train", ["9", "25", "30"]),
        ("restval", ["133"]),
        ("val", ["74", "136"]),
        ("test", ["42", "73", "391895"]),
    ],
)
def test_karpathys_splits_are_chosen_from_his_file(
    split: str, ids: list[str], data_dir: Path
) -> None:
    files = CaptionFiles("dataset_coco.json", "val2014", karpathy=split)
    loaded = read(Source(data_dir), files)
    assert [example.id for example in loaded.examples] == ids
    assert loaded.examples[0].references[1] == f"A cat, 1, {ids[0]}."


def test_a_coco_file_that_holds_one_karpathy_split_is_read_whole(data_dir: Path) -> None:
    source = Source(data_dir, annotations=data_dir / "annotations" / "captions_val2014.json")
    assert read(source, KARPATHY_TEST).examples == read(Source(data_dir)).examples


def test_files_cut_down_for_scoring_need_no_picture_names(data_dir: Path) -> None:
    path = data_dir / "annotations" / "captions_val2014.json"
    edit_json(path, lambda content: [image.pop("file_name") for image in content["images"]])
    assert len(read(Source(data_dir, with_images=False)).examples) == 6
    assert "images[5]: field 'file_name' is missing" in message_of(Source(data_dir))


def test_images_without_captions_and_captions_without_image_are_mistakes(data_dir: Path) -> None:
    path = data_dir / "annotations" / "captions_val2014.json"
    edit_json(path, lambda content: content["images"].append({"id": 5, "file_name": "x.jpg"}))
    edit_json(path, lambda content: content["annotations"][0].update(image_id=6))
    edit_json(path, lambda content: content["annotations"][1].pop("caption"))
    message = message_of(Source(data_dir))
    assert "images[6]: image 5 has no caption" in message
    assert "annotations[0]: image_id 6 is not among the images" in message
    assert "annotations[1]: field 'caption' is missing" in message
    assert "images[6]: picture val2014/x.jpg is not in" in message


def test_mistakes_in_karpathys_file_are_listed_together(data_dir: Path) -> None:
    path = data_dir / "dataset_coco.json"
    edit_json(path, lambda content: content["images"][3].pop("filename"))
    edit_json(path, lambda content: content["images"][4]["sentences"][0].pop("raw"))
    edit_json(path, lambda content: content["images"][5].update(filepath="../elsewhere"))
    message = message_of(Source(data_dir), KARPATHY_TEST)
    assert "images[3]: field 'filename' is missing" in message
    assert "images[4].sentences[0]: field 'raw' is missing" in message
    assert "images[5]: picture name '../elsewhere/COCO_val2014_000000391895.jpg' is" in message


def test_a_split_with_no_image_is_a_mistake(data_dir: Path) -> None:
    files = CaptionFiles("dataset_coco.json", "val2014", karpathy="trial")
    assert "no image has the split 'trial'" in message_of(Source(data_dir), files)


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    assert "captions_val2014.json is neither in" in message_of(Source(tmp_path))
