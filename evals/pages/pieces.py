"""Data that a page opened from disk can load: script files that hand over one value each.

A page may not `fetch` from `file://`; a `<script src>` it may load. Each file is one call of the
page's `evals.receive(run, part, value)`. Values are JSON in ASCII, which is a part of JavaScript
and holds any text, lone surrogates too.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_ENCODER = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":"))


def write_piece(out: Path, run: str, part: str, value: Any) -> None:
    """Write `data/<run>/<part>.js`."""
    path = out / "data" / run / f"{part}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    name = _ENCODER.encode([run, part])[1:-1]
    path.write_text(f"evals.receive({name},{_ENCODER.encode(value)});\n", encoding="ascii")


def name_piece(kind: str, number: int) -> str:
    return f"{kind}-{number:05d}"


def batch(values: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield lists of `size` values, the last one shorter."""
    part: list[T] = []
    for value in values:
        part.append(value)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
