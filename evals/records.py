"""Records: one JSON line an answer, written once and never changed.

Beside them, failures: the queries that could not be asked (on_error=record). A failure is no
answer: the next call tries its query again, so the file holds the last call's.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from evals.errors import ResultsError
from evals.files import write_lines
from evals.secrets import hide_secrets

RECORDS = "records.jsonl"
FAILURES = "failures.jsonl"


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer in the model's own words."""

    text: str
    """Before any truncation."""
    token_ids: tuple[int, ...]
    logprob: float
    finish_reason: Literal["eos", "stop", "length"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A closed set's log-probabilities."""

    logprobs: tuple[tuple[float, ...], ...]
    """(orders, choices): sums over each choice's tokens, a row for each order of demonstrations."""
    num_tokens: tuple[int, ...]
    """(choices,)"""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of records.jsonl."""

    id: str
    response: Generated | Ranked
    prompt_sha256: str
    demonstrations: tuple[str, ...]
    """Support ids in prompt order, those that dropped out aside."""
    dropped: tuple[str, ...]
    """Support ids that the length limit left no room for."""
    num_prompt_tokens: int

    def to_json(self) -> str:
        values: dict[str, Any] = {"id": self.id}
        response = self.response
        if isinstance(response, Generated):
            values["text"] = response.text
            values["token_ids"] = response.token_ids
            values["logprob"] = response.logprob
            values["finish_reason"] = response.finish_reason
            values["num_new_tokens"] = len(response.token_ids)
        else:
            values["logprobs"] = response.logprobs
            values["num_tokens"] = response.num_tokens
        values["prompt_sha256"] = self.prompt_sha256
        values["demonstrations"] = self.demonstrations
        values["dropped"] = self.dropped
        values["num_prompt_tokens"] = self.num_prompt_tokens
        return _ENCODER.encode(values)


_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False)
"""Made once: `json.dumps` makes one for every line."""


def read_records(run_dir: Path) -> Iterator[Record]:
    """Read the records in the order of their arrival; a torn last line is not one.

    Raises:
        ResultsError: a line that is not the last is no record, or an id comes twice.
    """
    path = run_dir / RECORDS
    if not path.is_file():
        return
    seen: set[str] = set()
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                record = _parse_record(json.loads(line.decode("utf-8", "surrogatepass")))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ResultsError(
                    f"{path} line {number} is no record ({error!r:.300}); delete that line and run "
                    "the same command again, and its query is answered anew"
                ) from error
            if record.id in seen:
                raise ResultsError(f"{path} line {number}: query {record.id} a second time")
            seen.add(record.id)
            yield record


def read_failures(run_dir: Path) -> dict[str, str]:
    """Return query id -> why it could not be asked, of all that have no answer yet.

    Raises:
        ResultsError: a line is not one of ours.
    """
    path = run_dir / FAILURES
    if not path.is_file():
        return {}
    failures = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            values = json.loads(line.decode("utf-8", "surrogatepass"))
            failures[str(values["id"])] = str(values["failure"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ResultsError(
                f"{path} line {number} is no failure ({error!r:.300}); delete the file and run the "
                "same command again"
            ) from error
    return failures


def write_failures(run_dir: Path, failures: Mapping[str, str]) -> None:
    """Write query id -> why it could not be asked, in place of what is there."""
    if failures:
        rows = (
            {"id": query_id, "failure": hide_secrets(reason)}
            for query_id, reason in failures.items()
        )
        write_lines(run_dir / FAILURES, rows)
    else:
        (run_dir / FAILURES).unlink(missing_ok=True)


def cut_torn_line(file: BinaryIO) -> None:
    """Cut what follows the last newline: a process was killed while it wrote."""
    end = file.seek(0, 2)
    tail = b""
    while end and b"\n" not in tail:
        start = max(0, end - 65536)
        file.seek(start)
        tail = file.read(end - start) + tail
        end = start
    file.truncate(end + tail.rfind(b"\n") + 1)
    file.seek(0, 2)


def _parse_record(values: dict[str, Any]) -> Record:
    response: Generated | Ranked
    if not isinstance(values["id"], str) or not isinstance(values.get("text", ""), str):
        raise TypeError("id and text are strings")
    if "text" in values:
        response = Generated(
            values["text"], tuple(values["token_ids"]), values["logprob"], values["finish_reason"]
        )
    else:
        rows = tuple(tuple(row) for row in values["logprobs"])
        response = Ranked(rows, tuple(values["num_tokens"]))
    return Record(
        id=values["id"],
        response=response,
        prompt_sha256=values["prompt_sha256"],
        demonstrations=tuple(values["demonstrations"]),
        dropped=tuple(values["dropped"]),
        num_prompt_tokens=values["num_prompt_tokens"],
    )
