import hashlib
import threading
from pathlib import Path

import pytest

from evals.mini import MINI_TASKS, ensure_mini, is_mini
from evals.mini.examples import MINIS, MiniTask
from evals.types import Image


def fingerprint(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def pictures_of(examples: list[Image | None]) -> set[str]:
    return {image.sha256 for image in examples if image is not None}


@pytest.mark.parametrize("mini", MINIS, ids=lambda mini: mini.name)
def test_no_two_pictures_are_equal_within_or_between_splits(
    mini: MiniTask, mini_root: Path
) -> None:
    files = {
        path: path.read_bytes()
        for path in (mini_root / mini.name).rglob("*")
        if path.suffix in {".jpg", ".png"}
    }
    assert len(set(files.values())) == len(files)


@pytest.mark.parametrize("mini", MINIS, ids=lambda mini: mini.name)
def test_train_and_val_share_no_picture(mini: MiniTask, mini_root: Path) -> None:
    train, val = (
        pictures_of([example.image for example in mini.read(mini_root / mini.name, split)])
        for split in ("train", "val")
    )
    assert len(train) >= 1000
    assert len(val) >= 100
    assert not train & val


@pytest.mark.parametrize("mini", MINIS, ids=lambda mini: mini.name)
def test_each_task_has_two_hundred_queries(mini: MiniTask, mini_root: Path) -> None:
    examples = mini.read(mini_root / mini.name, "val")
    assert len(examples) == len({example.id for example in examples}) == 200


def test_a_made_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    root = ensure_mini(tmp_path)
    marker = root / "made-once"
    marker.touch()
    assert ensure_mini(tmp_path) == root
    assert marker.exists()


def test_two_makers_at_once_leave_one_whole_folder(mini_root: Path, tmp_path: Path) -> None:
    roots: list[Path] = []
    makers = [
        threading.Thread(target=lambda: roots.append(ensure_mini(tmp_path))) for _ in range(2)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert roots[0] == roots[1]
    assert [path.name for path in tmp_path.iterdir()] == [roots[0].name]
    assert fingerprint(roots[0]) == fingerprint(mini_root)


def test_a_made_folder_is_known_to_be_mini_and_others_are_not(
    mini_root: Path, tmp_path: Path
) -> None:
    assert all(is_mini(mini_root / name) for name in MINI_TASKS)
    assert not is_mini(tmp_path / "vqav2")
