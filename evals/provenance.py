"""What a number was made from: code, packages, data files, pictures, checkpoint."""

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from evals.digests import sha256_file
from evals.identity import digest_examples
from evals.resources import PACKAGE_DIR
from evals.secrets import hide_secrets
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


def describe_data(split: ExampleSet) -> dict[str, Any]:
    """Return what a split was read from, in full, so that it can be found and checked again."""
    return {
        "files": {str(path.resolve()): sha256_file(path) for path in split.files},
        "revision": split.revision,
        "examples": digest_examples(split.examples),
        "num_examples": len(split.examples),
    }


def is_same_data(split: ExampleSet, described: Mapping[str, Any]) -> bool:
    """Return whether a split is what `describe_data` described, wherever its files lie now.

    By content; of runs that were made before contents were noted, by the bytes of the files.
    """
    now = describe_data(split)
    if "examples" in described:
        return bool(now["examples"] == described["examples"])
    files = [sorted(each["files"].values()) for each in (now, described)]
    return bool(files[0] == files[1] and now["revision"] == described["revision"])


def label_model(info: ModelInfo) -> str:
    """Return what a table and a run folder call the model: its checkpoint's last name."""
    if info.name in ("tiny", "mock"):
        return info.name
    last = str(hide_secrets(info.checkpoint)).rstrip("/").rpartition("/")[2]
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
