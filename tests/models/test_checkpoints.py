"""Which files a checkpoint is: folders, the hub's cache, hashes."""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from evals.errors import CheckpointError
from evals.models.checkpoint_files import fingerprint, hash_files, weight_files
from evals.models.checkpoints import HUB_PATTERNS, Checkpoint, resolve_checkpoint
from evals.resources import tiny_checkpoint_dir

BASELINE = Path(__file__).parents[2] / "results" / "baselines" / "tiny.json"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A repository in the hub's cache: large files are links to blobs named by their sha256."""
    blobs = tmp_path / "hub" / "models--org--name" / "blobs"
    folder = blobs.parent / "snapshots" / COMMIT
    blobs.mkdir(parents=True)
    folder.mkdir(parents=True)
    (blobs.parent / "refs").mkdir()
    (blobs.parent / "refs" / "main").write_text(COMMIT)
    weights = b"the weights"
    for name, content, blob in (
        ("config.json", b"{}", hashlib.sha1(b"blob 2\0{}").hexdigest()),
        ("model.safetensors", weights, hashlib.sha256(weights).hexdigest()),
    ):
        (blobs / blob).write_bytes(content)
        (folder / name).symlink_to(Path("../../blobs") / blob)
    return folder


def test_a_folder_is_itself_and_has_no_revision(tmp_path: Path) -> None:
    assert resolve_checkpoint(tmp_path) == Checkpoint(tmp_path)
    assert resolve_checkpoint(str(tmp_path)) == Checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="is a folder and has no revision 'main'"):
        resolve_checkpoint(tmp_path, revision="main")


def test_a_snapshots_commit_is_its_revision(snapshot: Path) -> None:
    assert resolve_checkpoint(snapshot).revision == COMMIT
    assert resolve_checkpoint(snapshot, revision=COMMIT).revision == COMMIT
    with pytest.raises(CheckpointError, match="has no revision"):
        resolve_checkpoint(snapshot, revision="f" * 40)


@pytest.mark.parametrize("name", ["no/such/folder", "a folder", "name"])
def test_neither_folder_nor_repository_is_an_error(name: str) -> None:
    with pytest.raises(CheckpointError, match="no folder, and no hub repository"):
        resolve_checkpoint(name)


RESOLVE = """
import sys
from evals.models.checkpoints import resolve_checkpoint
from evals.errors import CheckpointError
try:
    found = resolve_checkpoint("org/name")
    print(found.folder, found.revision)
except CheckpointError as error:
    print("CheckpointError:", error)
"""


def resolve_elsewhere(cache: Path, **environment: str) -> str:
    """Resolve org/name in a process of its own: the hub reads its settings at import."""
    import os

    variables = os.environ | {"HF_HUB_CACHE": str(cache)} | environment
    command = [sys.executable, "-c", RESOLVE]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_offline_a_cached_repository_is_found(snapshot: Path) -> None:
    cache = snapshot.parents[2]
    found = resolve_elsewhere(cache, HF_HUB_OFFLINE="1")
    assert found == f"{snapshot} {COMMIT}"


def test_an_unknown_repository_offline_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    assert "the hub cannot be reached" in resolve_elsewhere(tmp_path, HF_HUB_OFFLINE="1")


def test_a_hub_that_does_not_answer_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        answer = resolve_elsewhere(tmp_path, HF_ENDPOINT=endpoint, HF_HUB_OFFLINE="0")
    assert answer.startswith("CheckpointError: org/name")
    assert "give" in answer


def test_a_blobs_name_is_taken_for_its_sha256(snapshot: Path) -> None:
    """No byte of the weights is read: here they are not what the name says."""
    blob = (snapshot / "model.safetensors").resolve()
    expected = {"config.json": hashlib.sha256(b"{}").hexdigest(), "model.safetensors": blob.name}
    assert hash_files(snapshot) == expected
    assert hash_files(snapshot, verify=True) == expected
    blob.write_bytes(b"damaged")
    assert hash_files(snapshot) == expected
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        hash_files(snapshot, verify=True)


def test_a_copy_elsewhere_has_the_same_fingerprint(snapshot: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(snapshot, copy)
    (copy / "README.md").write_text("not part of it")
    (copy / "pytorch_model.bin").write_bytes(b"nor this")
    assert fingerprint(hash_files(copy)) == fingerprint(hash_files(snapshot))
    (copy / "config.json").write_text('{"changed": 1}')
    assert fingerprint(hash_files(copy)) != fingerprint(hash_files(snapshot))


PROCESSOR_FILES = (
    *("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"),
    *("image_processor_config.json", "chat_template.json", "chat_template.jinja"),
    *("additional_chat_templates/tools.jinja", "added_tokens.json", "special_tokens_map.json"),
    *("vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model"),
    *("qwen.tiktoken", "generation_config.json", "tokenizer.json", "tokenizer_config.json"),
)
OTHER_FILES = (
    *("README.md", "LICENSE.txt", "pytorch_model.bin", "pytorch_model.bin.index.json"),
    *("cat.png", "training_args.bin", "trainer_state.json", "notes.txt", ".gitattributes"),
    *("other.safetensors", "onnx/config.json", "modeling.py"),
)


@pytest.mark.parametrize("name", PROCESSOR_FILES)
def test_a_file_of_the_processor_counts_where_it_is_there(name: str, snapshot: Path) -> None:
    bare = fingerprint(hash_files(snapshot))
    (snapshot / name).parent.mkdir(exist_ok=True)
    (snapshot / name).write_text("one")
    one = hash_files(snapshot)
    assert one[name] == hashlib.sha256(b"one").hexdigest()
    (snapshot / name).write_text("other")
    other = hash_files(snapshot)
    assert len({bare, fingerprint(one), fingerprint(other)}) == 3


@pytest.mark.parametrize("name", OTHER_FILES)
def test_a_file_that_nobody_reads_does_not_count(name: str, snapshot: Path) -> None:
    bare = hash_files(snapshot)
    (snapshot / name).parent.mkdir(exist_ok=True)
    (snapshot / name).write_text("anything")
    assert hash_files(snapshot) == bare


def test_whatever_counts_is_downloaded() -> None:
    for name in (*PROCESSOR_FILES, "model.safetensors", "model.safetensors.index.json"):
        assert any(fnmatch(name, pattern) for pattern in HUB_PATTERNS), name
    for name in ("pytorch_model.bin", "README.md", "cat.png", "modeling.py"):
        assert not any(fnmatch(name, pattern) for pattern in HUB_PATTERNS), name


def test_a_checkpoint_of_the_usual_files_keeps_its_fingerprint() -> None:
    """Run folders made before more files counted belong to it."""
    baseline = json.loads(BASELINE.read_text())
    [before] = {run["summary"]["answered"]["model"]["fingerprint"] for run in baseline["runs"]}
    assert fingerprint(hash_files(tiny_checkpoint_dir())) == before


def write_index(folder: Path, content: object) -> Path:
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
    return folder


def test_shards_are_those_of_the_index(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors", "other.safetensors"):
        (tmp_path / name).write_bytes(b"")
    write_index(
        tmp_path, {"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}}
    )
    assert [file.name for file in weight_files(tmp_path)] == ["a.safetensors", "b.safetensors"]
    assert set(hash_files(tmp_path)) == {
        "a.safetensors",
        "b.safetensors",
        "model.safetensors.index.json",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight_map": {"x": "gone.safetensors"}}, "(?s)not there.*- gone"),
        ({"weight_map": {"x": "../up.safetensors"}}, "outside its folder"),
        ({"weights": {}}, "no index"),
        ([], "no index"),
        ({"weight_map": ["x"]}, "no index"),
    ],
)
def test_a_bad_index_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        weight_files(write_index(tmp_path, content))


def test_a_folder_without_safetensors_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match="safetensors only"):
        hash_files(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight_map": {}}, "no map from weights to files"),
        ({"weight_map": {"x": 5}}, "no map from weights to files"),
        ({"weight_map": {"x": ["a"]}}, "no index"),
        ({"weight_map": {"x": ""}}, "outside its folder"),
        ({"weight_map": {"x": "a" * 300}}, "not there"),
        ({"weight_map": {"x": "a\0b", "y": "\ud800"}}, "not there"),
    ],
)
def test_an_index_of_other_types_is_named(tmp_path: Path, content: object, message: str) -> None:
    """Found by fuzzing: names that are none were tracebacks."""
    with pytest.raises(CheckpointError, match=message):
        weight_files(write_index(tmp_path, content))


def test_a_damaged_index_is_quoted_in_part(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_bytes(b"\xff" * 10**6)
    with pytest.raises(CheckpointError) as raised:
        weight_files(tmp_path)
    assert len(str(raised.value)) < 1000
    (tmp_path / "model.safetensors.index.json").write_bytes(b"[" * 10**6)
    with pytest.raises(CheckpointError, match="RecursionError"):
        weight_files(tmp_path)


@pytest.mark.parametrize("name", ["a" * 5000, "~nobody-of-this-name/checkpoint"])
def test_a_name_that_is_no_path_is_an_error(name: str) -> None:
    with pytest.raises(CheckpointError, match="is no folder"):
        resolve_checkpoint(name)
