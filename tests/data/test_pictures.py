"""evals.data.pictures: where picture files are looked for."""

from pathlib import Path

import pytest

from evals.data.pictures import Pictures
from evals.data.rows import Problems, Row
from evals.errors import DataError, PictureError
from evals.types import Image, Source


@pytest.fixture
def row() -> Row:
    return Row({}, "q.json[0]", Problems("val", way_out="Get them."))


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def found(image: Image | None) -> object:
    return None if image is None else image.source


def test_pictures_lie_in_the_official_sub_folder(tmp_path: Path, row: Row) -> None:
    path = touch(tmp_path / "val2014" / "a.jpg")
    pictures = Pictures(Source(tmp_path))
    assert found(pictures.find("val2014/a.jpg", row)) == path
    assert pictures.find("val2014/a.jpg", row) is pictures.find("val2014/a.jpg", row)


def test_image_dir_holds_the_sub_folders_or_the_files_themselves(tmp_path: Path, row: Row) -> None:
    images = tmp_path / "images"
    inner, outer = touch(images / "val2014" / "a.jpg"), touch(images / "b.jpg")
    pictures = Pictures(Source(tmp_path / "data", image_dir=images))
    assert found(pictures.find("val2014/a.jpg", row)) == inner
    assert found(pictures.find("val2014/b.jpg", row)) == outer


def test_data_dir_is_not_searched_flat_nor_behind_image_dir(tmp_path: Path, row: Row) -> None:
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "val2014" / "a.jpg")
    assert Pictures(Source(tmp_path)).find("train2014/a.jpg", row) is None
    assert Pictures(Source(tmp_path, image_dir=tmp_path / "x")).find("val2014/a.jpg", row) is None
    with pytest.raises(DataError, match=r"q\.json\[0\]: picture train2014/a\.jpg is not in"):
        row.problems.raise_if_any()


def test_a_broken_link_and_a_folder_are_no_pictures(tmp_path: Path, row: Row) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "folder.jpg").mkdir()
    pictures = Pictures(Source(tmp_path))
    assert pictures.find("link.jpg", row) is None
    assert pictures.find("folder.jpg", row) is None


@pytest.mark.parametrize(
    "name", ["/etc/a.jpg", "../a.jpg", "val/../../a.jpg", "..\\a.jpg", "C:\\a.jpg", "", "a\0.jpg"]
)
@pytest.mark.parametrize("with_images", [True, False])
def test_names_that_lead_out_of_the_folder_are_refused(
    name: str, with_images: bool, tmp_path: Path, row: Row
) -> None:
    touch(tmp_path / "a.jpg")
    pictures = Pictures(Source(tmp_path / "data", with_images=with_images))
    assert pictures.find(name, row) is None
    with pytest.raises(DataError, match="is absolute or contains"):
        row.problems.raise_if_any()


def test_without_pictures_nothing_is_looked_for(tmp_path: Path, row: Row) -> None:
    assert Pictures(Source(tmp_path, with_images=False)).find("val2014/a.jpg", row) is None
    row.problems.raise_if_any()


def test_a_name_too_long_for_any_file_system_is_a_missing_picture(tmp_path: Path, row: Row) -> None:
    assert Pictures(Source(tmp_path)).find(f"{'a' * 300}/b.jpg", row) is None
    with pytest.raises(DataError, match=r"(?s)picture aaa.*is not in .*\(File name too long\)"):
        row.problems.raise_if_any()


def test_pictures_that_are_not_there_may_be_left_to_who_reads_them(
    tmp_path: Path, row: Row
) -> None:
    pictures = Pictures(Source(tmp_path, keep_missing=True))
    image = pictures.find("val2014/a.jpg", row)
    assert image is not None
    assert image is pictures.find("val2014/a.jpg", row)
    assert pictures.find("../a.jpg", row) is None
    with pytest.raises(PictureError, match=r"val2014/a\.jpg cannot be read: No such file"):
        image.read_bytes()
    with pytest.raises(DataError, match="1 mistake"):
        row.problems.raise_if_any()


def test_a_name_is_put_together_of_fields_that_must_all_be_there(tmp_path: Path, row: Row) -> None:
    path = touch(tmp_path / "val2014" / "a.jpg")
    pictures = Pictures(Source(tmp_path))
    whole = Row({"folder": "val2014", "name": "a.jpg"}, "q[1]", row.problems)
    assert found(pictures.find_named(whole, "folder", "name")) == path
    assert found(pictures.find_named(whole, "name", folder="val2014")) == path
    assert (
        pictures.find_named(Row({"folder": "val2014"}, "q[2]", row.problems), "folder", "name")
        is None
    )
    with pytest.raises(DataError, match="1 mistake"):
        row.problems.raise_if_any()
