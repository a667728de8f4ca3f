"""evals.data.hub: finding and opening a data set."""

import json
from pathlib import Path

import pytest
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature

from evals.data.hub import open_table
from evals.data.hub_pictures import StoredPicture
from evals.errors import ConfigError, DataError, PictureError
from evals.types import HubSource, Image, Source
from tests.data.hub_folders import TEXT, encode_picture, write_split
from tests.official import write_picture

pytestmark = pytest.mark.usefixtures("offline_hub")

COLUMNS = {"id": "question_id", "question": "question", "image": "image"}
FIELDS = ["id", "question"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    features = {"question_id": Value("int64"), "question": TEXT, "image": ImageFeature()}
    for split in ("train", "validation"):
        rows = [
            {"question_id": number, "question": f"{split}?", "image": encode_picture(number)}
            for number in range(2)
        ]
        write_split(tmp_path / "repository", split, rows=rows, features=features)
    return tmp_path / "repository"


def open_val(hub: HubSource) -> list[str]:
    table = open_table("val", Source(Path(), hub={"val": hub}), task="vqav2", fields=FIELDS)
    return [row.text("question") for row in table.rows]


def test_the_older_name_is_tried_when_the_new_one_is_not_found(folder: Path) -> None:
    hub = HubSource("nobody/has-this", "validation", COLUMNS, fallback=str(folder))
    assert open_val(hub) == ["validation?", "validation?"]


def test_all_names_that_were_tried_are_listed(folder: Path) -> None:
    hub = HubSource("nobody/has-this", "validation", COLUMNS, fallback=str(folder / "gone"))
    with pytest.raises(DataError) as error:
        open_val(hub)
    assert "nobody/has-this: Couldn't reach" in str(error.value)
    assert f"{folder / 'gone'}: Couldn't find" in str(error.value)


def test_splits_can_be_joined_and_cut(folder: Path) -> None:
    hub = HubSource(str(folder), "train[:1]+validation", COLUMNS)
    assert open_val(hub) == ["train?", "validation?", "validation?"]


def test_an_unknown_split_is_refused_with_those_that_exist(folder: Path) -> None:
    with pytest.raises(DataError, match="has no split testdev; it has: train, validation"):
        open_val(HubSource(str(folder), "testdev", COLUMNS))


def test_an_unknown_config_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(DataError, match="cannot be loaded: BuilderConfig 'full' not found"):
        open_val(HubSource(str(folder), "train", COLUMNS, config="full"))


def test_a_repository_with_a_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "OK-VQA").mkdir()
    (tmp_path / "OK-VQA" / "OK-VQA.py").write_text("raise SystemExit")
    with pytest.raises(DataError, match="cannot be loaded: Dataset scripts are no longer"):
        open_val(HubSource(str(tmp_path / "OK-VQA"), "train", COLUMNS))


def test_a_split_without_a_data_set_says_which_have_one(folder: Path) -> None:
    source = Source(folder, hub={"train": HubSource(str(folder), "train", COLUMNS)})
    with pytest.raises(ConfigError, match=r"'test' \(known: train\); set tasks\.okvqa\.hub\.test"):
        open_table("test", source, task="okvqa", fields=FIELDS)


def test_an_image_folder_keeps_its_files(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "real" / "train" / "a.png")
    row = {"file_name": "a.png", "question_id": 1, "question": "why?"}
    (tmp_path / "real" / "train" / "metadata.jsonl").write_text(json.dumps(row))
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    source = Source(tmp_path, hub={"val": HubSource(str(tmp_path / "linked"), "train", COLUMNS)})
    (read,) = open_table("val", source, task="vqav2", fields=FIELDS).rows
    image = read.values["image"]
    assert isinstance(image, Image)
    assert image.read_bytes() == picture.read_bytes()
    picture.unlink()
    with pytest.raises(DataError, match=r"a\.png cannot be read: No such file"):
        image.read_bytes()


def test_a_picture_elsewhere_is_not_read(tmp_path: Path) -> None:
    """A data set may come from anybody, and what it shows may be shared in a report."""
    root = tmp_path / "repository"
    inside = write_picture(root / "inside.png")
    secret = write_picture(tmp_path / "home" / "secret.png")
    paths = [inside, secret, root / ".." / "home" / "secret.png", Path("secret.png")]
    dataset = Dataset.from_dict(
        {"image": [{"bytes": None, "path": str(path)} for path in paths]},
        features=Features({"image": ImageFeature(decode=False)}),
    )
    first, *others = (StoredPicture(dataset, "image", row, [root]) for row in range(len(paths)))
    assert first() == inside.read_bytes()
    for other in others:
        with pytest.raises(DataError, match=r"secret\.png lies outside of the data set's own"):
            other()


def test_pictures_are_not_read_before_they_are_looked_at(folder: Path) -> None:
    source = Source(folder, hub={"val": HubSource(str(folder), "train", COLUMNS)})
    rows = open_table("val", source, task="vqav2", fields=FIELDS).rows
    assert all(isinstance(row.values["image"].source, StoredPicture) for row in rows)


def test_a_repository_is_known_by_its_commit(folder: Path, offline_hub: Path) -> None:
    """Offline, `datasets` looks into its cache: <name>/<config>/<version>/<commit>."""
    open_val(HubSource(str(folder), "train", COLUMNS))
    (info,) = offline_hub.rglob("dataset_info.json")
    commit = "75571cf0a1b2c3d4e5f60718293a4b5c6d7e8f90"
    cached = offline_hub / "somebody___vqa" / "default" / "0.0.0" / commit
    cached.parent.mkdir(parents=True)
    info.parent.rename(cached)
    for path in cached.glob("repository-*.arrow"):
        path.rename(cached / path.name.replace("repository", "vqa"))
    hub = {"val": HubSource("somebody/vqa", "train", COLUMNS)}
    table = open_table("val", Source(folder, hub=hub), task="vqav2", fields=FIELDS)
    assert (table.files, table.revision) == ((), f"somebody/vqa@main {commit}")


def test_a_row_without_a_picture_is_a_mistake_or_left_to_who_reads_it(tmp_path: Path) -> None:
    features = {"question_id": Value("int64"), "question": TEXT, "image": ImageFeature()}
    pictures = [encode_picture(0), None]
    rows = [
        {"question_id": number, "question": "?", "image": picture}
        for number, picture in enumerate(pictures)
    ]
    write_split(tmp_path / "repository", "train", rows=rows, features=features)
    hub = {"val": HubSource(str(tmp_path / "repository"), "train", COLUMNS)}
    strict = open_table("val", Source(tmp_path, hub=hub), task="vqav2", fields=FIELDS)
    with pytest.raises(DataError, match="row 1: no picture in 'image'"):
        strict.problems.raise_if_any()
    source = Source(tmp_path, hub=hub, keep_missing=True)
    kept = open_table("val", source, task="vqav2", fields=FIELDS)
    kept.problems.raise_if_any()
    first, second = (row.values["image"] for row in kept.rows)
    assert first.read_bytes()
    with pytest.raises(PictureError, match="row 1 has no picture in 'image'"):
        second.read_bytes()


def test_an_empty_split_is_a_mistake(tmp_path: Path) -> None:
    features = {"question_id": Value("int64"), "question": TEXT, "image": ImageFeature()}
    write_split(tmp_path / "repository", "train", rows=[], features=features)
    hub = {"val": HubSource(str(tmp_path / "repository"), "train", COLUMNS)}
    with pytest.raises(DataError, match=r"train cannot be read: .*corresponds to no data"):
        open_table("val", Source(tmp_path, hub=hub), task="vqav2", fields=FIELDS)


def test_a_slice_without_a_row_is_a_mistake(folder: Path) -> None:
    with pytest.raises(DataError, match=r"train\[:0\] cannot be read: .*corresponds to no data"):
        open_val(HubSource(str(folder), "train[:0]", COLUMNS))
