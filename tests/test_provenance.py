"""What a number was made from, told where there is a checkout and where there is none."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import evals
from evals.identity import digest_examples
from evals.provenance import (
    describe_code,
    describe_data,
    describe_model,
    fingerprint_pictures,
    is_same_data,
    label_model,
)
from evals.types import Example, ExampleSet, Image, ModelInfo


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    answer = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a copy of the package, as a wheel installs it."""
    folder = tmp_path / "site"
    unneeded = shutil.ignore_patterns("__pycache__", "mini", "models")
    shutil.copytree(Path(evals.__file__).parent, folder / "evals", ignore=unneeded)
    return folder


def describe_in(folder: Path, **environment: str) -> dict[str, Any]:
    answer = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import json, evals.provenance as p; print(json.dumps(p.describe_code()))",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    values: dict[str, Any] = json.loads(answer.stdout)
    return values


def test_an_installed_package_has_no_commit(installed: Path) -> None:
    code = describe_in(installed)
    assert code["commit"] is None
    assert code["dirty"] is None


def test_a_checkout_on_a_machine_without_git_has_no_commit(installed: Path) -> None:
    (installed / ".git").mkdir()
    code = describe_in(installed, PATH="")
    assert (code["commit"], code["dirty"]) == (None, None)


def test_a_package_that_lies_in_somebody_elses_checkout_has_no_commit(installed: Path) -> None:
    """A virtual environment inside a project: that project's commit says nothing of ours."""
    git(installed.parent, "init", "--quiet")
    git(installed.parent, "commit", "--quiet", "--allow-empty", "-m", "theirs")
    assert describe_in(installed)["commit"] is None


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(installed: Path) -> None:
    (installed / ".gitignore").write_text("__pycache__\n")
    git(installed, "init", "--quiet")
    assert describe_in(installed)["commit"] is None, "nothing is committed yet"
    git(installed, "add", ".")
    git(installed, "commit", "--quiet", "-m", "first")
    clean = describe_in(installed)
    assert clean["commit"] == git(installed, "rev-parse", "HEAD")
    assert clean["dirty"] is False
    (installed / "evals" / "stats.py").write_text("# changed")
    changed = describe_in(installed)
    assert changed["commit"] == clean["commit"]
    assert changed["dirty"] is True


def test_the_code_is_told_with_python_and_the_packages_that_make_numbers() -> None:
    code = describe_code()
    assert code["python"] == platform.python_version()
    assert {"torch", "transformers", "Pillow", "pycocoevalcap"} <= set(code["packages"])
    assert code["packages"]["Pillow"] == version("Pillow")
    assert json.loads(json.dumps(code)) == code


def test_data_are_described_in_full(tmp_path: Path) -> None:
    file = tmp_path / "val.json"
    file.write_text("[]")
    split = ExampleSet((Example("1", None),), (file,), "a/b@c")
    assert describe_data(split) == {
        "files": {str(file): digest(b"[]")},
        "revision": "a/b@c",
        "examples": digest_examples(split.examples),
        "num_examples": 1,
    }


def test_data_are_the_same_wherever_their_files_lie_and_others_where_an_answer_is(
    tmp_path: Path,
) -> None:
    splits = []
    for folder, answer in (("a", "red"), ("b", "red"), ("c", "blue")):
        file = tmp_path / folder / "val.json"
        file.parent.mkdir()
        file.write_text(answer)
        splits.append(ExampleSet((Example("1", None, references=(answer,)),), (file,)))
    described = describe_data(splits[0])
    assert [is_same_data(split, described) for split in splits] == [True, True, False]
    del described["examples"]  # as runs have it that are older
    assert [is_same_data(split, described) for split in splits] == [True, True, False]


def test_pictures_are_counted_once_each_whatever_their_order_and_names() -> None:
    one, two = Image(b"one"), Image(b"two")
    prints = fingerprint_pictures([two, one, Image(b"one", "again")])
    assert prints == fingerprint_pictures([one, two])
    assert prints["count"] == 2
    assert prints != fingerprint_pictures([one, Image(b"three")])
    assert fingerprint_pictures([])["count"] == 0


@pytest.mark.parametrize(
    ("name", "checkpoint", "label"),
    [
        ("idefics", "HuggingFaceM4/idefics-9b", "idefics-9b"),
        ("idefics", "/models/mine/", "mine"),
        ("transformers", "HuggingFaceM4/idefics-9b", "idefics-9b-transformers"),
        ("tiny", "evals/mini/checkpoint", "tiny"),
        ("mock", "", "mock"),
    ],
)
def test_a_model_is_called_by_its_checkpoints_last_name(
    name: str, checkpoint: str, label: str
) -> None:
    info = ModelInfo(name, checkpoint, "ff", {"config.json": "ee"}, "float32", "cpu", "abc")
    assert label_model(info) == label
    described = describe_model(info)
    assert described["label"] == label
    assert described["files"] == {"config.json": "ee"}
    assert json.loads(json.dumps(described)) == described
