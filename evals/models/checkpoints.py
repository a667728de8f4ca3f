"""Which files a checkpoint is: a local folder, or a repository of the Hugging Face hub.

A file is known by its sha256. In the hub's cache a snapshot's large files are links to blobs that
are named by it, so 160 GB are not hashed; every other file is, once (`files.sha256_file`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.digests import sha256_file
from evals.errors import CheckpointError, list_problems
from evals.files import sha256_json

HUB_PATTERNS = ("*.json", "*.model", "*.safetensors")
"""The hub's repositories hold the same weights once more as .bin: half of the traffic."""

SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
"""What an answer depends on besides the weights."""

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with everything in it, and the hub commit that it is, if any."""

    folder: Path
    revision: str = ""


def resolve_checkpoint(checkpoint: str | Path, *, revision: str | None = None) -> Checkpoint:
    """Find a local folder, else download a hub repository's small files and safetensors.

    Raises:
        CheckpointError: it is neither, the hub cannot be reached, or a folder was given with a
            revision.
    """
    try:
        folder = Path(checkpoint).expanduser()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long; a ~user who does not exist
        raise CheckpointError(f"{checkpoint} is no folder: {error}") from error
    if is_folder:
        if revision is not None:
            raise CheckpointError(
                f"{folder} is a folder and has no revision {revision!r}; drop the revision, or "
                "name a hub repository"
            )
        return Checkpoint(folder, _commit_of(folder))
    repository = str(checkpoint)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CheckpointError(
            f"{repository} is no folder, and no hub repository either (those look like "
            "HuggingFaceM4/idefics-9b)"
        )
    snapshot = _download(repository, revision=revision)
    return Checkpoint(snapshot, _commit_of(snapshot))


def weight_files(folder: Path) -> tuple[Path, ...]:
    """Return the safetensors files of a checkpoint, sharded or not.

    Raises:
        CheckpointError: there are none, the index is malformed, or it names files that are not
            there.
    """
    index = folder / WEIGHTS_INDEX
    if not index.is_file():
        if not (folder / WEIGHTS).is_file():
            raise CheckpointError(
                f"{folder} has neither {WEIGHTS} nor {WEIGHTS_INDEX}; weights are read from "
                "safetensors only"
            )
        return (folder / WEIGHTS,)
    names = _read_index(index)
    if unsafe := [name for name in names if not name or Path(name).name != name]:
        raise CheckpointError(f"{index} names files outside its folder:\n{list_problems(unsafe)}")
    if missing := [name for name in names if not _is_file(folder / name)]:
        raise CheckpointError(
            f"{index} names files that are not there; download them again:\n"
            f"{list_problems(missing)}"
        )
    return tuple(folder / name for name in names)


def _read_index(index: Path) -> list[str]:
    """Return the files that an index names, each once, by name."""
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("its weight_map is no map from weights to files")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, OSError) as error:
        what = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{index} is no index of safetensors ({what:.300})") from error
    return sorted(names)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long
        return False


def hash_files(folder: Path, *, verify: bool = False) -> Mapping[str, str]:
    """Return file name -> sha256 of everything that an answer depends on.

    `verify` reads all bytes again, whatever was remembered or the hub's cache says.

    Raises:
        CheckpointError: the folder has no weights, or a blob's bytes are not what its name says.
    """
    small = (folder / name for name in (*SMALL_FILES, WEIGHTS_INDEX))
    paths = (*(path for path in small if path.is_file()), *weight_files(folder))
    return {path.name: _hash(path, verify=verify) for path in sorted(paths)}


def fingerprint(files: Mapping[str, str]) -> str:
    """Return one sha256 over a checkpoint's files."""
    return sha256_json(dict(files))


def _hash(path: Path, *, verify: bool) -> str:
    blob = path.resolve().name if path.is_symlink() else ""
    named = blob if _SHA256.fullmatch(blob) else None
    if named and not verify:
        return named
    try:
        digest = sha256_file(path, verify=verify)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if named and digest != named:
        raise CheckpointError(
            f"{path} is damaged: its sha256 is {digest}, and the hub's is {named}; delete it and "
            "download it again"
        )
    return digest


def _commit_of(folder: Path) -> str:
    """Return the commit of a snapshot in the hub's cache (`snapshots/<commit>`)."""
    folder = folder.resolve()
    is_snapshot = folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name)
    return folder.name if is_snapshot else ""


def _download(repository: str, *, revision: str | None) -> Path:
    from huggingface_hub import errors, snapshot_download

    # The hub's HTTP library differs between versions; this is its error, whichever it is.
    http_error = errors.HTTPError  # type: ignore[attr-defined]
    try:
        return Path(
            snapshot_download(repository, revision=revision, allow_patterns=list(HUB_PATTERNS))
        )
    except errors.LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"{repository} is no folder here, and the hub cannot be reached nor is it in the "
            "hub's cache; download it where there is a network, and give the folder"
        ) from error
    except (http_error, OSError, ValueError) as error:
        raise CheckpointError(
            f"{repository} cannot be downloaded from the hub: {error}; check the name, the "
            "revision and the access (`hf auth login`), or give a folder"
        ) from error
