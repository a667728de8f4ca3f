"""evals.data.hub_examples: the columns of real repositories, in parquet folders written here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, List, Value
from datasets import Image as ImageFeature

from evals.data.hub_examples import read_hub_captions, read_hub_choices, read_hub_vqa
from evals.errors import ConfigError, DataError
from evals.types import HubSource, Source
from tests.data.hub_folders import TEXT, encode_picture, write_split
from tests.official import ANSWERS, write_picture

pytestmark = pytest.mark.usefixtures("offline_hub")

STRUCT = {"answer": TEXT, "raw_answer": TEXT, "answer_id": Value("int64")}
STRUCTS = [
    {"answer": answer, "raw_answer": f"{answer}ing", "answer_id": number}
    for number, answer in enumerate(ANSWERS)
]
SHAPES: Mapping[str, tuple[Any, Any]] = {
    "list of strings": (List(TEXT), list(ANSWERS)),
    "list of structs": (List(STRUCT), STRUCTS),
    "struct of lists": (
        {name: List(feature) for name, feature in STRUCT.items()},
        {name: [struct[name] for struct in STRUCTS] for name in STRUCT},
    ),
}
COLUMNS = {
    "id": "question_id",
    "image_id": "id_image",
    "image": "image",
    "question": "question",
    "answers": "answers_original",
    "answer_type": "answer_type",
}


def hub_source(folder: Path, split: str = "validation", **changes: Any) -> Source:
    hub = HubSource(str(folder), split, COLUMNS)
    return Source(folder, hub={"val": replace(hub, **changes)})


def write_vqa(folder: Path, *, answers: Any = None, feature: Any = None, **changes: Any) -> None:
    """Write three questions on two pictures."""
    cell = list(ANSWERS) if feature is None else answers
    rows = [
        {
            "question_id": 1000 + number,
            "id_image": number // 2,
            "image": encode_picture(number // 2),
            "question": f"What is {number}?",
            "answers_original": cell,
            "answer_type": None if number == 2 else "other",
            "tags": ["of no interest"],
        }
        for number in range(3)
    ]
    rows[-1].update(changes)
    write_split(
        folder,
        "validation",
        rows=rows,
        features={
            "question_id": Value("int64"),
            "id_image": Value("int32"),
            "image": ImageFeature(),
            "question": TEXT,
            "answers_original": feature or List(TEXT),
            "answer_type": TEXT,
            "tags": List(TEXT),
        },
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_are_read_from_every_shape_of_column(shape: str, tmp_path: Path) -> None:
    feature, cell = SHAPES[shape]
    write_vqa(tmp_path, feature=feature, answers=cell)
    examples = read_hub_vqa("val", hub_source(tmp_path), task="vqav2").examples
    assert [example.id for example in examples] == ["1000", "1001", "1002"]
    assert all(example.references == ANSWERS for example in examples)
    assert examples[0].metadata == {"image_id": "0", "answer_type": "other"}
    assert examples[2].metadata == {"image_id": "1"}


@pytest.mark.parametrize("shape", ["list of structs", "struct of lists"])
def test_raw_answers_come_from_the_same_structs(shape: str, tmp_path: Path) -> None:
    feature, cell = SHAPES[shape]
    write_vqa(tmp_path, feature=feature, answers=cell)
    columns = {**COLUMNS, "raw_answers": "answers_original"}
    examples = read_hub_vqa("val", hub_source(tmp_path, columns=columns), task="okvqa").examples
    assert examples[0].raw_references == tuple(f"{answer}ing" for answer in ANSWERS)
    assert examples[0].references == ANSWERS


def test_pictures_are_shared_by_image_id_and_read_byte_for_byte(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    first, second, third = read_hub_vqa("val", hub_source(tmp_path), task="vqav2").examples
    assert first.image is second.image
    assert first.image != third.image
    assert first.image is not None
    assert first.image.read_bytes() == encode_picture(0)["bytes"]
    assert str(first.image).endswith("validation, row 0")


def test_without_image_ids_equal_bytes_still_make_equal_pictures(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    columns = {field: column for field, column in COLUMNS.items() if field != "image_id"}
    source = hub_source(tmp_path, columns=columns)
    first, second, third = read_hub_vqa("val", source, task="okvqa").examples
    assert "image_id" not in first.metadata
    assert first.image is not second.image
    assert first.image == second.image
    assert first.image != third.image


def test_files_of_a_local_folder_are_named_for_fingerprints(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    read = read_hub_vqa("val", hub_source(tmp_path), task="vqav2")
    assert [path.name for path in read.files] == ["validation-00000-of-00001.parquet"]
    assert read.revision == ""


def test_without_pictures_the_image_column_may_be_absent(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    columns = {**COLUMNS, "image": "photo"}
    source = hub_source(tmp_path, columns=columns)
    read = read_hub_vqa("val", replace(source, with_images=False), task="vqav2")
    assert [example.image for example in read.examples] == [None] * 3
    with pytest.raises(DataError, match=r"has no column photo; it has: question_id, id_image"):
        read_hub_vqa("val", source, task="vqav2")


def test_null_answers_are_an_error_only_where_the_split_has_answers(tmp_path: Path) -> None:
    write_vqa(tmp_path, answers_original=None)
    source = hub_source(tmp_path)
    with pytest.raises(DataError, match=r"row 2: field 'answers' is None: no text in it"):
        read_hub_vqa("val", source, task="vqav2")
    read = read_hub_vqa("val", source, task="vqav2", answered=False)
    assert not read.answered
    assert all(example.references == () for example in read.examples)


def test_all_mistakes_of_a_split_are_listed_together(tmp_path: Path) -> None:
    write_vqa(tmp_path, question_id=1000, question=None, image=None)
    with pytest.raises(DataError) as error:
        read_hub_vqa("val", hub_source(tmp_path), task="vqav2")
    message = str(error.value)
    assert "vqav2 val cannot be read; 2 mistakes" in message
    assert "row 2: no picture in 'image'" in message
    assert "row 2: id 1000 stands in" in message
    write_vqa(tmp_path, question=None)
    with pytest.raises(DataError, match="row 2: field 'question' is None, not a string"):
        read_hub_vqa("val", hub_source(tmp_path), task="vqav2")


def test_a_column_of_names_is_no_picture_column(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    source = hub_source(tmp_path, columns={**COLUMNS, "image": "question"})
    with pytest.raises(DataError, match="a column of file names is `file_name`, not `image`"):
        read_hub_vqa("val", source, task="vqav2")


def write_karpathy(folder: Path) -> None:
    """Write yerevann/coco-karpathy's columns: names of pictures, and no pixels."""
    for split, cocoid in (("train", 7), ("restval", 8)):
        subset = "train2014" if split == "train" else "val2014"
        write_split(
            folder,
            split,
            rows=[
                {
                    "filepath": subset,
                    "filename": f"COCO_{subset}_{cocoid:012d}.jpg",
                    "sentences": [f"A cat {number}." for number in range(5)],
                    "cocoid": cocoid,
                }
            ],
            features={
                "filepath": TEXT,
                "filename": TEXT,
                "sentences": List(TEXT),
                "cocoid": Value("int64"),
            },
        )


NAMED = {"id": "cocoid", "folder": "filepath", "file_name": "filename", "captions": "sentences"}


def test_pictures_that_a_repository_only_names_are_read_from_image_dir(tmp_path: Path) -> None:
    write_karpathy(tmp_path / "repository")
    images = tmp_path / "coco"
    write_picture(images / "train2014" / "COCO_train2014_000000000007.jpg")
    write_picture(images / "val2014" / "COCO_val2014_000000000008.jpg", shade=9)
    hub = {"val": HubSource(str(tmp_path / "repository"), "train+restval", NAMED)}
    source = Source(tmp_path, image_dir=images, hub=hub)
    read = read_hub_captions("val", source, task="coco")
    assert [example.id for example in read.examples] == ["7", "8"]
    assert read.examples[0].references == tuple(f"A cat {number}." for number in range(5))
    assert read.examples[1].image is not None
    assert "val2014" in str(read.examples[1].image.source)
    assert len(read.files) == 2
    (images / "val2014" / "COCO_val2014_000000000008.jpg").unlink()
    with pytest.raises(DataError, match=r"row 1: picture val2014/COCO_val2014_0+8\.jpg is not in"):
        read_hub_captions("val", source, task="coco")


def write_caption_rows(folder: Path, *, captions: list[Any], feature: Any) -> Source:
    rows = [
        {"cocoid": number // 2, "image": encode_picture(number // 2), "sentences": cell}
        for number, cell in enumerate(captions)
    ]
    features = {"cocoid": Value("int64"), "image": ImageFeature(), "sentences": feature}
    write_split(folder, "test", rows=rows, features=features)
    columns = {"id": "cocoid", "image": "image", "captions": "sentences"}
    return Source(folder, hub={"val": HubSource(str(folder), "test", columns)})


def test_rows_with_one_caption_each_are_grouped_by_image(tmp_path: Path) -> None:
    """bitmind/MS-COCO: a struct with one caption in each row."""
    cells = [{"raw": f"caption {number}", "sentid": number} for number in range(4)]
    feature = {"raw": TEXT, "sentid": Value("int64")}
    source = write_caption_rows(tmp_path, captions=cells, feature=feature)
    examples = read_hub_captions("val", source, task="coco").examples
    assert [(e.id, e.references) for e in examples] == [
        ("0", ("caption 0", "caption 1")),
        ("1", ("caption 2", "caption 3")),
    ]


def test_an_image_with_all_its_captions_must_not_come_twice(tmp_path: Path) -> None:
    cells = [[f"one {number}", f"two {number}"] for number in range(2)]
    source = write_caption_rows(tmp_path, captions=cells, feature=List(TEXT))
    with pytest.raises(DataError, match=r"row 1: id 0 stands in .* row 0 too"):
        read_hub_captions("val", source, task="coco")


def write_memes(folder: Path, *, labels: list[Any], feature: Any) -> Source:
    rows = [
        {"id": f"0{number}", "image": encode_picture(number), "text": "haha", "label": label}
        for number, label in enumerate(labels)
    ]
    features = {"id": TEXT, "image": ImageFeature(), "text": TEXT, "label": feature}
    write_split(folder, "train", rows=rows, features=features)
    columns = {"id": "id", "image": "image", "question": "text", "label": "label"}
    return Source(folder, hub={"val": HubSource(str(folder), "train", columns)})


@pytest.mark.parametrize(
    ("labels", "feature"),
    [
        ([0, 1, 1], Value("int64")),
        (["0", "1", "1"], TEXT),
        ([0, 1, 1], ClassLabel(names=["not-hateful", "hateful"])),
    ],
)
def test_labels_are_numbers_digits_or_classes(
    labels: list[Any], feature: Any, tmp_path: Path
) -> None:
    source = write_memes(tmp_path, labels=labels, feature=feature)
    read = read_hub_choices("val", source, task="hateful_memes", num_choices=2)
    assert [example.label for example in read.examples] == [0, 1, 1]
    assert [example.id for example in read.examples] == ["00", "01", "02"]
    assert read.examples[0].question == "haha"


def test_labels_may_be_hidden_for_all_rows_or_none(tmp_path: Path) -> None:
    hidden = write_memes(tmp_path / "a", labels=[-1, -1], feature=Value("int64"))
    partly = write_memes(tmp_path / "b", labels=[0, None], feature=Value("int64"))

    def read(source: Source, *, may_lack_labels: bool) -> bool:
        return read_hub_choices(
            "val", source, task="memes", num_choices=2, may_lack_labels=may_lack_labels
        ).answered

    assert not read(hidden, may_lack_labels=True)
    for source, may_lack_labels in ((hidden, False), (partly, True), (partly, False)):
        with pytest.raises(DataError, match="row 1: label is None, not one of 0, 1"):
            read(source, may_lack_labels=may_lack_labels)


def test_a_field_without_a_column_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    source = hub_source(tmp_path, columns={"id": "question_id"})
    with pytest.raises(
        ConfigError, match=r"tasks\.vqav2\.hub\.val\.columns does not name question, answers, image"
    ):
        read_hub_vqa("val", source, task="vqav2")
