"""Rows of annotation files, and the list of what is wrong with them.

A load goes through all its files before it gives up, so that a user mends everything in one go.
"""

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evals.errors import DataError, list_problems


class Problems:
    """The mistakes of one load."""

    def __init__(self, what: str, *, way_out: str) -> None:
        self._what = what
        self._way_out = way_out
        self._found: list[str] = []
        self._missing_pictures: list[str] = []

    @property
    def is_empty(self) -> bool:
        return not (self._found or self._missing_pictures)

    def add(self, problem: str) -> None:
        self._found.append(problem)

    def add_missing_picture(self, problem: str) -> None:
        """Keep these apart: where a folder is missing they would hide all else."""
        self._missing_pictures.append(problem)

    def raise_if_any(self) -> None:
        """Raise all mistakes as one.

        Raises:
            DataError: there is at least one.
        """
        lists = [problems for problems in (self._found, self._missing_pictures) if problems]
        if lists:
            num_problems = sum(map(len, lists))
            raise DataError(
                f"{self._what} cannot be read; {num_problems} "
                f"{'mistake' if num_problems == 1 else 'mistakes'}:\n"
                + "".join(f"{list_problems(problems)}\n" for problems in lists)
                + self._way_out
            )


@dataclass(frozen=True, slots=True)
class Row:
    """One row; reading a field that is missing or malformed adds to `problems`."""

    values: Mapping[str, Any]
    place: str
    """File and row, as a user finds it: `captions_val2014.json, images[3]`."""
    problems: Problems

    def reject(self, mistake: str) -> None:
        self.problems.add(f"{self.place}: {mistake}")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if isinstance(value, str) and is_text(value):
            return value
        self.reject(_describe(key, self.values, wanted="a string"))
        return ""

    def name(self, key: str) -> str:
        """Return a part of a file's name; "" is a mistake too."""
        value = self.values.get(key)
        if value != "":
            return self.text(key)
        self.reject(_describe(key, self.values, wanted="a file's name"))
        return ""

    def id(self, key: str) -> str:
        """Return an id as a string: the official files write integers, copies also strings."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value and is_text(value):
            return value
        self.reject(_describe(key, self.values, wanted="an integer or a string"))
        return ""

    def optional(self, *keys: str) -> dict[str, str]:
        """Return those of the fields that the row has, as strings; a list or an object is none."""
        found = {}
        for key in keys:
            value = self.values.get(key)
            if value is None:
                continue
            found[key] = value if isinstance(value, str) else str(value)
            if not is_text(found[key]) or isinstance(value, (list, dict)):
                self.reject(_describe(key, self.values, wanted="a string or a number"))
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; an empty one is a mistake too."""
        value = self.values.get(key)
        if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
            if is_text("".join(value)):
                return tuple(value)
            self.reject(f"field {key!r} holds {HALF}: {show(value)}")
            return ()
        self.reject(_describe(key, self.values, wanted="a list with at least one string"))
        return ()

    def nested_texts(self, key: str, field: str) -> tuple[str, ...]:
        """Return a field of each of the rows in the list `key`; no row is a mistake too."""
        value = self.values.get(key)
        if not isinstance(value, list) or not value:
            self.reject(_describe(key, self.values, wanted="a list with at least one row"))
            return ()
        # VQAv2 has 4.4 million of them: as rows with places only to say what is wrong.
        cells = [row.get(field) if isinstance(row, dict) else None for row in value]
        texts = tuple(cell for cell in cells if isinstance(cell, str))
        if len(texts) < len(cells) or not is_text("".join(texts)):
            for row in as_rows(value, f"{self.place}.{key}", problems=self.problems):
                row.text(field)
        return texts


HALF = "half a surrogate pair, which is no text"
"""JSON can spell it, and no encoding can."""


def is_text(value: str) -> bool:
    """Return whether a string is text: whether a file can hold it."""
    if value.isascii():  # nearly all are, and strings know it
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_rows(values: Iterable[Any], place: str, *, problems: Problems) -> list[Row]:
    """Return the JSON objects of a list as rows called `place[0]`, `place[1]`, ..."""
    rows = []
    for index, value in enumerate(values):
        row_place = f"{place}[{index}]"
        if isinstance(value, dict):
            rows.append(Row(value, row_place, problems))
        else:
            problems.add(f"{row_place}: {show(value)} is not a JSON object")
    return rows


def rows_by_id(rows: Iterable[Row], key: str) -> dict[str, Row]:
    """Return the rows by the id in their field `key`, in order; an id given twice is a mistake."""
    found: dict[str, Row] = {}
    for row in rows:
        row_id = row.id(key)
        if row_id in found:
            row.reject(f"{key} {row_id} stands in {found[row_id].place} too")
        elif row_id:
            found[row_id] = row
    return found


def _describe(key: str, values: Mapping[str, Any], *, wanted: str) -> str:
    if key not in values:
        return f"field {key!r} is missing (fields: {', '.join(map(repr, values)) or 'none'})"
    value = values[key]
    if isinstance(value, str) and not is_text(value):
        return f"field {key!r} holds {HALF}: {show(value)}"
    return f"field {key!r} is {show(value)}, not {wanted}"


def show(value: object) -> str:
    """Return a value as Python writes it, of a long or deep one the beginning."""
    writer = reprlib.Repr()
    writer.maxstring = writer.maxother = writer.maxlong = 60
    return f"{writer.repr(value):.60}"
