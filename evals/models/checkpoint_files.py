"""Which files a checkpoint is, and what they are known by.

A file is known by its sha256. In the hub's cache a snapshot's large files are links to blobs that
are named by it, so 160 GB are not hashed; every other file is, once (`files.sha256_file`).
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from evals.digests import sha256_file
from evals.errors import CheckpointError, list_problems
from evals.files import sha256_json

SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "*processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "chat_template.json",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)
"""What an answer depends on besides the weights: all that transformers' processors and tokenizers
read where it is there, so also `preprocessor_config.json` and `video_preprocessor_config.json`."""

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"

Stamp = tuple[int, int]
"""A file's size, and when it was last written (ns)."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    paths = sorted((*_list_small(folder), *weight_files(folder)))
    return {_name(path, folder): _hash(path, verify=verify) for path in paths}


def _list_small(folder: Path) -> list[Path]:
    found = (path for name in (*SMALL_FILES, WEIGHTS_INDEX) for path in folder.glob(name))
    return sorted({path for path in found if path.is_file()})


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


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


def stamp_files(folder: Path) -> dict[str, Stamp]:
    """Return file name -> stamp of what `hash_files` hashes, as far as it is there."""
    try:
        weights = weight_files(folder)
    except CheckpointError:  # raised to whoever reads weights; a tokenizer can be read without
        weights = ()
    stamps = {}
    for path in (*_list_small(folder), *weights):
        with suppress(OSError):  # gone since it was listed
            status = path.stat()
            stamps[_name(path, folder)] = status.st_size, status.st_mtime_ns
    return stamps
