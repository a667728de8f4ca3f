"""Drawn pictures cost what photographs cost, and are always the same."""

from hashlib import sha256
from pathlib import Path

from PIL import Image as Pil

from evals.bench.pictures import draw_pictures


def test_pictures_are_jpegs_of_a_photographs_size(tmp_path: Path) -> None:
    paths = draw_pictures(tmp_path / "new", [f"query{index}" for index in range(6)])
    for path in paths.values():
        with Pil.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (640, 480))
        assert 60_000 < path.stat().st_size < 150_000


def test_a_name_always_gives_the_same_picture_and_no_other_does(tmp_path: Path) -> None:
    names = ["query0", "query1", "support0", "warmup0"]
    first = draw_pictures(tmp_path / "a", names)
    second = draw_pictures(tmp_path / "b", names[::-1])
    digests = {name: sha256(first[name].read_bytes()).hexdigest() for name in names}
    assert digests == {name: sha256(second[name].read_bytes()).hexdigest() for name in names}
    assert len(set(digests.values())) == len(names)
