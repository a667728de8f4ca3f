"""Reads wandb's offline file, for which wandb has no reader in Python.

It is LevelDB's log format (blocks of 32 KiB, each record behind crc32, length and kind) behind a
header of seven bytes; the records are protocol buffers of wandb's own.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

BLOCK, HEADER = 32 * 1024, 7
WHOLE, LAST = 1, 4


def read_records(path: Path) -> Iterator[Any]:
    content = path.read_bytes()
    assert content[:4] == b":W&B"
    place, record = HEADER, b""
    while place < len(content):
        if BLOCK - place % BLOCK < HEADER:  # the rest of a block is too small for a header
            place += BLOCK - place % BLOCK
            continue
        length = int.from_bytes(content[place + 4 : place + 6], "little")
        kind = content[place + 6]
        record += content[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in (WHOLE, LAST):
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


def read_items(items: Any) -> dict[str, Any]:
    """Return key -> value of a config's or history's items; nested keys are joined by dots."""
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}
