"""A checkpoint's JSON files: objects whose values are what they must be, or all that are not."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.errors import CheckpointError

MAX_SIZE = 10_000_000
"""Of a matrix or of text: IDEFICS 80B's largest is 32,000."""
MAX_LAYERS = 1000
"""Of a stack: modules are made one by one, so a damaged number would keep a machine busy."""


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a checkpoint's JSON object.

    Raises:
        CheckpointError: the file is missing or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}); a checkpoint folder has the files of "
            "HuggingFaceM4/idefics-9b on the hub"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} must hold a JSON object")
    return values


class Values:
    """A JSON object that notes what it lacks, so that all of it is reported at once.

    What is null counts as absent. After a mistake the values are stand-ins.
    """

    def __init__(
        self, values: Mapping[str, Any], *, prefix: str = "", problems: list[str] | None = None
    ) -> None:
        self._values = values
        self._prefix = prefix
        self.problems: list[str] = [] if problems is None else problems

    def get(self, key: str, default: Any = None) -> Any:
        value = self._values.get(key)
        return default if value is None else value

    def count(
        self, key: str, default: int | None = None, *, least: int = 0, most: int = MAX_SIZE
    ) -> int:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self._note(key, value, f"a whole number from {least} on" if least else "a whole number")
            return max(1, least)
        if value > most:
            self._note(key, value, f"at most {most:,}")
            return max(1, least)
        return value

    def number(self, key: str, default: float) -> float:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._note(key, value, "a number")
        elif not (0 < value <= 1e12):  # of NaN, too
            self._note(key, value, "a number above 0")
        else:
            return float(value)
        return default

    def flag(self, key: str) -> bool:
        value = self.get(key, False)
        if not isinstance(value, bool):
            self._note(key, value, "true or false")
        return value is True

    def numbers(self, key: str, default: Sequence[float], *, positive: bool) -> tuple[float, ...]:
        """Return as many numbers as the default has."""
        value = self.get(key, list(default))
        sound = (
            isinstance(value, list)
            and len(value) == len(default)
            and all(type(each) in (int, float) and math.isfinite(each) for each in value)
            and not (positive and min(value) <= 0)
        )
        if not sound:
            kind = "numbers above 0" if positive else "numbers"
            self._note(key, value, f"{len(default)} {kind}")
            return tuple(default)
        return tuple(map(float, value))

    def sub(self, key: str) -> "Values":
        value = self.get(key, {})
        if not isinstance(value, dict):
            self._note(key, value, "an object")
            value = {}
        return Values(value, prefix=f"{self._prefix}{key}.", problems=self.problems)

    def _note(self, key: str, value: object, wanted: str) -> None:
        found = "missing" if value is None else f"{value!r:.60}, not {wanted}"
        self.problems.append(f"{self._prefix}{key} is {found}")
