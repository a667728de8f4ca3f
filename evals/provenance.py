"""What a number was made from: code, packages, data files, pictures, checkpoint."""

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from evals.files import sha256_file
from evals.resources import PACKAGE_DIR
from evals.types import ExampleSet, Image, ModelInfo

PACKAGES = (
    "idefics-evals",
    "torch",
    "transformers",
    "tokenizers",
    "Pillow",
    "numpy",
    "datasets",
    "evaluate",
    "pycocoevalcap",
    "scikit-learn",
    "scipy",
    "nltk",
)


def describe_code() -> dict[str, Any]:
    """Return the harness's commit and whether it was changed since, Python and packages.

    Outside a checkout (an installed wheel) commit and dirty are None.
    """
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": None if (status := _git("status", "--porcelain")) is None else bool(status),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def describe_model(info: ModelInfo) -> dict[str, Any]:
    return {
        "label": label_model(info),
        "name": info.name,
        "checkpoint": info.checkpoint,
        "revision": info.revision,
        "fingerprint": info.fingerprint,
        "files": dict(info.files),
        "dtype": info.dtype,
        "device": info.device,
        "num_devices": info.num_devices,
    }


def fingerprint_data(split: ExampleSet) -> Mapping[str, str]:
    """Return file name -> sha256 of what a split was read from (of a hub data set its revision).

    Names without folders: moving the data is no change. Of files that share a name (a question
    and an annotation file given from two folders) the later ones are numbered.
    """
    prints: dict[str, str] = {}
    for path in split.files:
        namesakes = sum(path.name == other.split(" #")[0] for other in prints)
        prints[f"{path.name} #{namesakes + 1}" if namesakes else path.name] = sha256_file(path)
    return prints | ({"revision": split.revision} if split.revision else {})


def describe_data(split: ExampleSet) -> dict[str, Any]:
    """Return what a split was read from, in full, so that it can be found and checked again."""
    return {
        "files": {str(path.resolve()): sha256_file(path) for path in split.files},
        "revision": split.revision,
        "num_examples": len(split.examples),
    }


def label_model(info: ModelInfo) -> str:
    """Return what a table and a run folder call the model: its checkpoint's last name."""
    if info.name in ("tiny", "mock"):
        return info.name
    last = info.checkpoint.rstrip("/").rpartition("/")[2]
    return last if info.name == "idefics" else f"{last}-{info.name}"


def fingerprint_pictures(pictures: Iterable[Image]) -> dict[str, Any]:
    """Return the number of distinct pictures and one sha256 over theirs, in order."""
    digests = sorted({picture.sha256 for picture in pictures})
    combined = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return {"count": len(digests), "sha256": combined}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """Ask git about the checkout that the package lies in; None where it lies in none."""
    checkout = PACKAGE_DIR.parent
    if not (checkout / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
