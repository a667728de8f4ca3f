"""JSON, read strictly: what Python's reader lets pass is a mistake with its place.

A field that stands twice in its object, of which Python takes the last, and NaN and Infinity, which
are no JSON and of which it makes numbers.
"""

import gc
import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def parse_json(data: bytes, place: str) -> tuple[Any, list[str]]:
    """Return the value, `None` where there is none, and what is wrong with it.

    Args:
        data: UTF-8, also with a byte order mark, or UTF-16.
        place: what the mistakes name.
    """
    suspects: list[object] = []

    def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) == len(pairs):
            return values
        doubled = _Doubled(values)
        counts = Counter(name for name, _ in pairs)
        doubled.names = tuple(name for name, count in counts.items() if count > 1)
        suspects.append(doubled)
        return doubled

    def make_number(word: str) -> float:
        suspects.append(word)
        return float(word)

    try:
        with _without_collector():
            value = json.loads(data, object_pairs_hook=make_object, parse_constant=make_number)
    except (ValueError, RecursionError) as error:
        return None, [f"{place}: {_explain(error)}"]
    # Parsing does not say where something is: it is looked for, but only if there is something.
    return value, list(_find_mistakes(value, place)) if suspects else []


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from looking at all values again and again: none is garbage.

    VQAv2's annotations take 2.2 s so, and 2.6 s without being read strictly, but with it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _explain(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        place = f"line {error.lineno}, column {error.colno}"
        return f"not JSON at {place}: {error.msg}; a download that broke off?"
    if isinstance(error, UnicodeDecodeError):
        return f"not {error.encoding.upper()} at byte {error.start}"
    if isinstance(error, RecursionError):
        return "its lists and objects are nested too deeply"
    return f"holds what cannot be read: {error}"  # a number of thousands of digits


class _Doubled(dict[str, Any]):
    """An object in which fields stand twice."""

    names: tuple[str, ...] = ()


def _find_mistakes(value: Any, place: str) -> Iterator[str]:
    """Yield each mistake with its place; without recursion, for a file may be deep."""
    stack = [(place, value)]
    while stack:
        where, part = stack.pop()
        if isinstance(part, _Doubled):
            yield from (f"{where}: field {name!r} stands there twice" for name in part.names)
        inner: list[tuple[str, Any]] = []
        if isinstance(part, float) and not math.isfinite(part):
            yield f"{where}: {part} is no JSON number"
        elif isinstance(part, dict):
            joint = ", " if where == place else "."
            inner = [(f"{where}{joint}{name}", child) for name, child in part.items()]
        elif isinstance(part, list):
            inner = [(f"{where}[{index}]", child) for index, child in enumerate(part)]
        stack.extend(reversed(inner))
