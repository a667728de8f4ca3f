"""Bytes and JSON, damaged: as downloads, disks, editors and scripts do it."""

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

MAGIC = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Sizes, counts and offsets that readers get wrong."""


def damage_bytes(data: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Return the data with one to eight mistakes; `others` is what they may be spliced with."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        data = rng.choice(_BYTE_MISTAKES)(data, rng, others)
    return data


def _flip(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    damaged = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        damaged[_place(damaged, rng)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _write_magic(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    size, order = rng.choice((1, 2, 4, 8)), rng.choice("<>")
    value = rng.choice(MAGIC) & (256**size - 1)
    at = _place(data, rng)
    packed = struct.pack(f"{order}{'BHIQ'[(1, 2, 4, 8).index(size)]}", value)
    return data[:at] + packed + data[at + size :]


def _cut(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 256)) :]


def _insert(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 16, 256))) + data[at:]


def _repeat(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    at = _place(data, rng)
    part = data[at : at + rng.choice((1, 4, 32, 512))]
    return data[:at] + part * rng.choice((2, 3, 100)) + data[at:]


def _zero(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 8, 512, 4096))
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]


def _splice(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else data
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _recode(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Save it as another editor would, where it is text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    encoding = rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "utf-7"))
    return text.replace("\n", rng.choice(("\n", "\r\n", "\r"))).encode(encoding, "replace")


_BYTE_MISTAKES: Sequence[Callable[[bytes, random.Random, Sequence[bytes]], bytes]] = (
    *(_flip, _flip, _write_magic, _write_magic, _write_magic, _cut, _cut, _drop, _insert),
    *(_repeat, _zero, _splice, _recode),
)


def _place(data: Sequence[int], rng: random.Random) -> int:
    """Headers stand in front: half of all mistakes are among the first 64 bytes."""
    if not data:
        return 0
    return rng.randrange(min(len(data), 64) if rng.random() < 0.5 else len(data))


def mend_png(data: bytes) -> bytes:
    """Return a PNG with the checksums of its chunks made right: else damage is seen at once."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    at = 8
    mended = bytearray(data)
    while at + 12 <= len(mended):
        size = int.from_bytes(mended[at : at + 4], "big")
        end = at + 8 + size
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[at + 4 : end]))
        at = end + 4
    return bytes(mended)


class _Raw(str):
    """Stands in its JSON text as it is."""

    __slots__ = ()


STRANGE: Sequence[Any] = (
    *(None, True, False, 0, 1, -1, 2, 2.5, -0.0, 1e308, 10**18, 10**30, -(10**9), 65536),
    *("", " ", "0", "42", "yes", "\n", "\u2028", "é", "猫" * 50, "a" * 5000, "\0", "..", "/etc/x"),
    *("../../x", "a/b", "C:\\x", "{image_id}", "%s", "<image>", "</s>", "x" * 300 + ".jpg"),
    *([], {}, [[]], [{}], {"": None}, [None], ["a", 1], {"a": {"b": []}}, [1, 2, 3]),
    *("\ud800", "\udc00x", "a\udfff", _Raw("NaN"), _Raw("-Infinity"), _Raw("1e999")),
    *(
        _Raw("9" * 5000),
        _Raw("[" * 2000),
        _Raw("[" * 100000 + "]" * 100000),
        _Raw("[" * 400 + "]" * 400),
    ),
    *(_Raw('{"a":' * 600 + "1" + "}" * 600), _Raw('"\\u12"'), _Raw("01"), _Raw("'a'"), _Raw("nul")),
)


def _draw_strange(rng: random.Random) -> Any:
    return deepcopy(rng.choice(STRANGE))  # it is damaged further, perhaps


def damage_json(value: Any, rng: random.Random) -> bytes:
    """Return the JSON value written with one to six mistakes in its structure."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        value = _damage_part(value, rng)
    return _write(value, rng).encode("utf-8", "surrogatepass")


def _damage_part(value: Any, rng: random.Random) -> Any:
    """Walk down from the root at random, and make one mistake where the walk ends."""
    if isinstance(value, dict | list) and value and rng.random() < 0.8:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value[key] = _damage_part(value[key], rng)
        return value
    if isinstance(value, dict) and value and rng.random() < 0.8:
        return _damage_object(value, rng)
    if isinstance(value, list) and value and rng.random() < 0.8:
        return _damage_list(value, rng)
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.5:
        return rng.choice((value + 1, -value, value * 1000, str(value), float(value), [value]))
    if isinstance(value, str) and rng.random() < 0.5:
        return rng.choice(
            (value.upper(), f"{value} ", value[:-1], value * 2, [value], f"\ufeff{value}")
        )
    return _draw_strange(rng)


def _damage_object(value: dict[str, Any], rng: random.Random) -> Any:
    key = rng.choice(list(value))
    match rng.randrange(5):
        case 0:
            del value[key]
        case 1:
            value[rng.choice((key.upper(), f"{key} ", f"x{key}", ""))] = value.pop(key)
        case 2:
            value[rng.choice(("extra", "\ud800", "id", "label"))] = _draw_strange(rng)
        case 3:
            return _Raw(_double(value, key, rng))
        case _:
            value[key] = deepcopy(value[rng.choice(list(value))])
    return value


def _damage_list(value: list[Any], rng: random.Random) -> list[Any]:
    at = rng.randrange(len(value))
    match rng.randrange(5):
        case 0:
            del value[at]
        case 1:
            value.insert(at, deepcopy(value[rng.randrange(len(value))]))
        case 2:
            value.insert(at, _draw_strange(rng))
        case 3:
            value.reverse()
        case _:
            value += deepcopy(value) * rng.choice((1, 50))
    return value


def _double(value: dict[str, Any], key: str, rng: random.Random) -> str:
    """Return the object's text with one field twice."""
    again = f"{json.dumps(key)}: {_write(rng.choice((value[key], *STRANGE[:20])), rng)}"
    return "{" + again + ", " + _write(value, rng)[1:]


def _write(value: Any, rng: random.Random) -> str:
    if isinstance(value, _Raw):
        return str(value)
    if isinstance(value, dict):
        fields = (f"{json.dumps(str(key))}: {_write(part, rng)}" for key, part in value.items())
        return "{" + ", ".join(fields) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_write(part, rng) for part in value) + "]"
    return json.dumps(value, ensure_ascii=not isinstance(value, str) or rng.random() < 0.8)
