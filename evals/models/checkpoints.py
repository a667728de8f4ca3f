"""Where a checkpoint is: a local folder, or a repository of the Hugging Face hub.

It is found once (`resolve_checkpoint`), then hashed and loaded from there: a branch of the hub may
move meanwhile, and files that were written again are noticed (`unchanged`).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evals.errors import CheckpointError, list_problems
from evals.models.checkpoint_files import Stamp, stamp_files

HUB_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.tiktoken", "*.txt", "*.jinja")
"""The hub's repositories hold the same weights once more as .bin: half of the traffic."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with everything in it, and the hub commit that it is, if any."""

    folder: Path
    revision: str = ""
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    """File name -> stamp, as they were when it was found."""


def resolve_checkpoint(checkpoint: str | Path, *, revision: str | None = None) -> Checkpoint:
    """Find a local folder, else download a hub repository's small files and safetensors.

    Links to folders are followed once: what the link leads to later is another checkpoint.

    Raises:
        CheckpointError: it is neither, the hub cannot be reached, or a folder was given with a
            revision that it is not.
    """
    try:
        folder = Path(checkpoint).expanduser()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long; a ~user who does not exist
        raise CheckpointError(f"{checkpoint} is no folder: {error}") from error
    if is_folder:
        found = _look_at(folder)
        if revision not in (None, found.revision):
            raise CheckpointError(
                f"{folder} is a folder and has no revision {revision!r}; drop the revision, or "
                "name a hub repository"
            )
        return found
    repository = str(checkpoint)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CheckpointError(
            f"{repository} is no folder, and no hub repository either (those look like "
            "HuggingFaceM4/idefics-9b)"
        )
    return _look_at(_download(repository, revision=revision))


@contextmanager
def unchanged(checkpoint: Checkpoint) -> Iterator[Path]:
    """Give the folder to read from; what is read inside is what was found.

    Raises:
        CheckpointError: since then files were written, came or went.
    """
    _refuse_changes(checkpoint)
    try:
        yield checkpoint.folder
    except CheckpointError:  # of files that are being written anything may be said
        _refuse_changes(checkpoint)
        raise
    _refuse_changes(checkpoint)


def _look_at(folder: Path) -> Checkpoint:
    folder = folder.resolve()
    return Checkpoint(folder, _commit_of(folder), stamp_files(folder))


def _refuse_changes(checkpoint: Checkpoint) -> None:
    now = stamp_files(checkpoint.folder)
    if now == checkpoint.stamps:
        return
    before = checkpoint.stamps
    problems = [
        f"{name} is {'written again' if name in now and name in before else kind}"
        for kind, one, other in (("gone", before, now), ("new", now, before))
        for name in sorted(one)
        if one[name] != other.get(name)
    ]
    raise CheckpointError(
        f"{checkpoint.folder} has changed since it was first looked at: the fingerprint would be "
        "of other files than the answers; wait until nobody writes to it, and run the same "
        f"command again\n{list_problems(dict.fromkeys(problems))}"
    )


def _commit_of(folder: Path) -> str:
    """Return the commit of a snapshot in the hub's cache (`snapshots/<commit>`)."""
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
