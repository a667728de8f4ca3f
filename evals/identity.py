"""The identity of a run: all that its answers depend on, by content, under one hash.

A run folder belongs to one identity (evals.store). What lies in it are values and digests of what
was loaded, never names or times of files: moved or reformatted data are the same data. Each part
says which schema it follows, and leaves out what is at its default, so that a setting which is
added later orphans no folder.

Pictures are known cheaply: reading 120,000 of them to begin a run would take minutes. The hash
covers the size of each and the bytes of `NUM_READ`, drawn by the examples' ids. Beside the hash
stands a stamp over the times of all picture files; where it is another one on resume, every
recorded prompt is worded again, pictures included, and compared (evals.runner.recorded).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from evals.digests import stamp_file
from evals.errors import PictureError
from evals.files import sha256_json
from evals.secrets import hide_secrets
from evals.types import Example, ExampleSet, Image

SCHEMA = 2
"""Of the whole. 1, before pictures, choices and plugin arguments were part of it, had no number."""
PARTS: Mapping[str, int] = {
    "run": 1,
    "task": 1,
    "queries": 1,
    "support": 1,
    "protocol": 1,
    "plan": 1,
    "model": 1,
}
"""Part -> its schema: raised when equal settings would be described otherwise."""
NUM_READ = 256
"""Pictures of a split whose bytes are in the hash: seconds on a cold disk."""
PICTURES = ("queries.pictures", "support.pictures")


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """A loaded split, by content."""

    examples: str
    """A sha256 over ids, questions, references and labels, whatever their order."""
    pictures: str
    """A sha256 over the size of each picture and the bytes of some."""
    stamp: str
    """A sha256 over the sizes and times of the picture files: no part of an identity."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run's answers depend on: not the limit, device, batch size, workers or caches."""

    run: Mapping[str, Any]
    """What it is called: task, split, support_split, shots."""
    task: Mapping[str, Any]
    """kind, choices, arguments of the plugin."""
    queries: ContentDigest
    support: ContentDigest | None
    """`None` where no demonstration is shown."""
    protocol: Mapping[str, Any]
    plan: Mapping[str, Any]
    model: Mapping[str, Any]
    """name, fingerprint of the checkpoint's files, dtype, arguments."""

    def to_json(self) -> dict[str, Any]:
        """Return the values as identity.json has them: JSON's kinds, the hash in front.

        Secrets are hidden before they are hashed: another key asks the same.
        """
        parts: dict[str, Any] = {
            "run": self.run,
            "task": self.task,
            "queries": _describe(self.queries),
            "support": _describe(self.support),
            "protocol": self.protocol,
            "plan": self.plan,
            "model": self.model,
        }
        values = {name: {"schema": PARTS[name], **part} for name, part in parts.items()}
        values = json.loads(json.dumps({"schema": SCHEMA, **hide_secrets(values)}))
        return {"hash": hash_identity(values), **values, "stamps": self.stamps}

    @property
    def stamps(self) -> dict[str, str]:
        """The stamps of the pictures, beside the hash and not in it."""
        splits = {"queries": self.queries, "support": self.support}
        return {name: split.stamp for name, split in splits.items() if split}


@dataclass(frozen=True, slots=True)
class HeldIdentity:
    """An identity as a run folder holds it, of any schema."""

    values: Mapping[str, Any]
    """Without hash and stamps."""
    hash: str
    stamps: Mapping[str, str]
    schema: int
    task: str
    split: str
    shots: int
    protocol: str
    model: str


def parse_identity(values: Mapping[str, Any]) -> HeldIdentity:
    """Return what identity.json says.

    Raises:
        KeyError, TypeError: it is none.
    """
    rest = {key: value for key, value in values.items() if key not in ("hash", "stamps")}
    schema = rest.get("schema", 1)
    run = rest if schema == 1 else rest["run"]
    if not isinstance(values["hash"], str) or not isinstance(schema, int):
        raise TypeError("no hash, or no schema")
    return HeldIdentity(
        values=rest,
        hash=values["hash"],
        stamps=dict(values.get("stamps", {})),
        schema=schema,
        task=run["task"],
        split=run["split"],
        shots=run["shots"],
        protocol=rest["protocol"]["name"],
        model=rest["model"]["name"],
    )


def hash_identity(values: Mapping[str, Any]) -> str:
    """Return the hash of an identity's JSON values, without its own hash and stamps."""
    rest = {key: value for key, value in values.items() if key not in ("hash", "stamps")}
    return sha256_json(rest)[:12]


def list_differences(held: Any, asked: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Return where two JSON values differ: the place (keys joined by dots) and both values."""
    if held == asked:
        return []
    if isinstance(held, dict) and isinstance(asked, dict):
        return [
            difference
            for key in sorted({*held, *asked})
            for difference in list_differences(
                held.get(key), asked.get(key), f"{place}.{key}" if place else key
            )
        ]
    return [(place, held, asked)]


def digest_content(split: ExampleSet) -> ContentDigest:
    """Return what a loaded split is, by content.

    Reads the bytes of at most `NUM_READ` pictures, and asks for the size and time of the others.
    """
    examples = sorted(split.examples, key=lambda example: example.id)
    return ContentDigest(
        examples=digest_examples(examples),
        pictures=_digest(_describe_pictures(examples)),
        stamp=_digest([split.revision, *_list_stamps(split, examples)]),
    )


def digest_examples(examples: Iterable[Example]) -> str:
    """Return a sha256 over examples' ids, questions, references and labels, whatever their order.

    Pictures are not looked at, and may not be loaded.
    """
    ordered = sorted(examples, key=lambda example: example.id)
    return _digest(_ENCODER.encode(_describe_example(example)) for example in ordered)


_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def _describe_example(example: Example) -> dict[str, Any]:
    """Return what prompts and scores take from an example; fields that it lacks are left out."""
    values: dict[str, Any] = {
        "id": example.id,
        "question": example.question,
        "references": example.references,
        "raw_references": example.raw_references,
    }
    described = {key: value for key, value in values.items() if value}
    return described if example.label is None else described | {"label": example.label}


def _describe(content: ContentDigest | None) -> dict[str, str]:
    return {"examples": content.examples, "pictures": content.pictures} if content else {}


def _describe_pictures(examples: Iterable[Example]) -> Iterator[str]:
    shown = [(example.id, example.image) for example in examples if example.image is not None]
    read = dict(nsmallest(NUM_READ, shown, key=lambda pair: _draw(pair[0])))
    for example_id, image in shown:
        yield f"{example_id} {image.num_bytes} {_read(image) if example_id in read else ''}"


def _draw(example_id: str) -> bytes:
    return hashlib.sha256(f"picture {example_id}".encode("utf-8", "surrogatepass")).digest()


def _read(image: Image) -> str:
    try:
        return image.sha256
    except PictureError:  # told by whoever shows it
        return "unreadable"


def _list_stamps(split: ExampleSet, examples: Iterable[Example]) -> Iterator[str]:
    inside = False
    """Pictures lie in the data set's own files."""
    for example in examples:
        if example.image is not None:
            inside |= example.image.stamp is None
            yield f"{example.id} {example.image.stamp}"
    if inside:
        yield from (stamp_file(path) for path in split.files)


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()
