"""Identities of runs that were never made, and those that folders hold, as values again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.identity import ContentDigest, Identity

CONTENT = ContentDigest("examples", "pictures", "stamp")


def make_identity(
    *,
    queries: ContentDigest = CONTENT,
    support: ContentDigest | None = CONTENT,
    **parts: Mapping[str, Any],
) -> Identity:
    """Return an identity with these parts; keys that every identity has are added."""
    given: dict[str, dict[str, Any]] = {
        "run": {"task": "vqav2", "split": "val", "support_split": "train", "shots": 4},
        "task": {"kind": "vqa"},
        "protocol": {"name": "idefics"},
        "plan": {},
        "model": {"name": "mock"},
    }
    merged = {name: {**given[name], **parts.get(name, {})} for name in given}
    return Identity(queries=queries, support=support, **merged)


def read_again(path: Path) -> Identity:
    """Return what an identity.json was written from."""
    values = json.loads(path.read_bytes())
    splits = {
        name: ContentDigest(values[name]["examples"], values[name]["pictures"], stamp)
        for name, stamp in values["stamps"].items()
    }
    parts = {name: values[name] for name in ("run", "task", "protocol", "plan", "model")}
    return Identity(**parts, queries=splits["queries"], support=splits.get("support"))
