"""The run folder: what was asked, what was answered, what it scored.

    <run folder>/
    ├── config.yaml     the resolved settings; `evals score` reads them again
    ├── identity.json   what the answers depend on, and its hash (evals.identity)
    ├── plan.jsonl      query -> demonstrations (evals.demonstrations.plan)
    ├── records.jsonl   one line an answer, flushed as it comes; a run resumes behind the last
    ├── failures.jsonl  queries that could not be asked (on_error=record), if there are any
    ├── answered.json   what the answers were made from: code, model, data files, pictures
    ├── queries.jsonl   what each query scored; runs are compared by it (evals.query_scores)
    └── summary.json    the scores, and all that a table says of them

A record is written once and never changed; the last two can be made again from the others.
"""

import fcntl
import json
import re
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import yaml

from evals.errors import ResultsError, list_problems
from evals.files import naming, write_atomic
from evals.identity import (
    PICTURES,
    SCHEMA,
    HeldIdentity,
    Identity,
    list_differences,
    parse_identity,
)
from evals.records import RECORDS, Record, cut_torn_line
from evals.secrets import hide_secrets

IDENTITY = "identity.json"
CONFIG = "config.yaml"
PLAN = "plan.jsonl"
ANSWERED = "answered.json"
MAX_DEPTH = 32
_WAY_OUT = "copy the run folder again, or choose another run_dir"


def write_answered(run_dir: Path, answered: Mapping[str, Any]) -> None:
    text = json.dumps(hide_secrets(answered), indent=2, ensure_ascii=False)
    write_atomic(run_dir / ANSWERED, text + "\n")


def read_answered(run_dir: Path) -> dict[str, Any]:
    """Read what the answers were made from; empty where none was given yet.

    Raises:
        ResultsError: it cannot be read.
    """
    path = run_dir / ANSWERED
    if not path.is_file():
        return {}
    answered = _read_object(path, json.loads)
    model = answered.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("label"), str):
        raise ResultsError(f"{path}: no model; {_WAY_OUT}")
    return answered


def read_identity(run_dir: Path) -> HeldIdentity:
    """Read what a run's answers depend on, with its hash.

    Raises:
        ResultsError: it cannot be read.
    """
    path = run_dir / IDENTITY
    values = _read_object(path, json.loads)
    try:
        return parse_identity(values)
    except (KeyError, TypeError) as error:
        raise ResultsError(f"{path} is no run's identity ({error!r:.300}); {_WAY_OUT}") from error


def read_config(run_dir: Path) -> dict[str, Any]:
    """Read a run's settings.

    Raises:
        ResultsError: the folder is no run, or they cannot be read.
    """
    path = run_dir / CONFIG
    if not path.is_file():
        raise ResultsError(f"{run_dir} is no run folder: it has no {CONFIG}")
    return _read_object(path, yaml.safe_load)


def _read_object(path: Path, parse: Callable[[bytes], Any]) -> dict[str, Any]:
    try:
        values = parse(path.read_bytes())
        json.dumps(values, ensure_ascii=False, default=str).encode()  # as it is written again
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ResultsError(f"{path}: {error!s:.300}; {_WAY_OUT}") from error
    if not isinstance(values, dict) or _is_deep(values, MAX_DEPTH):
        raise ResultsError(f"{path}: no names and values; {_WAY_OUT}")
    return values


def _is_deep(value: object, left: int) -> bool:
    """Whether values lie in values so deep that walking them would fail."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left == 0 or any(_is_deep(each, left - 1) for each in inner)


class FolderInUseError(ResultsError):
    """Another process writes to a run folder."""


class Doubt(StrEnum):
    """What speaks against a folder's pictures being those that it was answered from."""

    NONE = "none"
    TIMES = "times"
    """Their files have other times: copied, moved, or changed."""
    PICTURES = "pictures"
    """Some have another size or other bytes, or can be read now and could not."""


class RunFolder:
    """A run folder, held by one process: answers are appended, nothing is overwritten.

    It belongs to one identity. Where only the pictures seem to be others than when it was made
    (`doubt`), nothing is written before `adopt` or `append`: whoever holds the folder words its
    recorded prompts again first (evals.runner.recorded).
    """

    def __init__(self, run_dir: Path, identity: Identity, config: Mapping[str, Any]) -> None:
        """Create the folder, or open it where it holds the same run.

        Raises:
            ResultsError: it holds another run, something else, or another process writes to it.
        """
        self.path = run_dir
        self._identity = identity.to_json()
        self._config = config
        self.hash: str = self._identity["hash"]
        self.doubt = self._check_identity()  # before anything is made in a folder that is not ours
        run_dir.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = (run_dir / RECORDS).open("a+b")
        try:
            _lock(self._file, run_dir)
            self.doubt = self._check_identity()  # another process may have made it meanwhile
            if self.doubt is not Doubt.PICTURES:
                self.adopt()
            cut_torn_line(self._file)
        except BaseException:
            self._file.close()
            raise

    def adopt(self) -> None:
        """Write this run's identity and settings: the folder's answers are known to be its own."""
        write_atomic(self.path / IDENTITY, json.dumps(self._identity, indent=2) + "\n")
        public = yaml.safe_dump(hide_secrets(self._config), sort_keys=False)
        write_atomic(self.path / CONFIG, public)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError:  # what a full disk did not take, closing tries again
            if error is None:
                raise

    def append(self, record: Record) -> None:
        """Write one record; it survives the process from here on."""
        with naming(self.path / RECORDS):
            self._file.write(record.to_json().encode("utf-8", "surrogatepass") + b"\n")
            self._file.flush()

    def _check_identity(self) -> "Doubt":
        path = self.path / IDENTITY
        if not path.is_file():
            if self.path.is_dir() and any(map(_is_foreign, self.path.iterdir())):
                raise ResultsError(
                    f"run_dir={self.path} is not empty and holds no run; choose another folder"
                )
            return Doubt.NONE
        held = read_identity(self.path)
        if held.schema != SCHEMA:
            raise ResultsError(
                f"run_dir={self.path} holds a run of an evals whose identities did not cover "
                "pictures, choices and a plugin's arguments: whether its answers are those that "
                "are asked for now cannot be known. `evals score` and tables read it; choose "
                "another folder to run"
            )
        if held.hash == self.hash:
            same = held.stamps == self._identity["stamps"]
            return Doubt.NONE if same else Doubt.TIMES
        asked = parse_identity(self._identity)
        differences = list_differences(held.values, asked.values)
        if all(place in PICTURES for place, _, _ in differences):
            return Doubt.PICTURES
        problems = (
            f"{place}: {json.dumps(before)}, asked {json.dumps(now)}"
            for place, before, now in differences
        )
        raise ResultsError(
            f"run_dir={self.path} holds another run (hash {held.hash}, this one {self.hash}); "
            f"choose another folder. They differ in:\n{list_problems(problems)}"
        )


def read_hash(run_dir: Path) -> str:
    """Return the hash of the run that a folder holds."""
    return read_identity(run_dir).hash


def name_run(*, task: str, model: str, shots: int, seed: int, digest: str) -> str:
    """Return the folder name of a run."""
    return f"{task}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', model)}-{shots}shot-seed{seed}-{digest}"


def _is_foreign(path: Path) -> bool:
    """Return whether a file shows that a folder without identity is somebody else's.

    Our own empty records file and hidden files (of a write that was killed) do not.
    """
    is_ours = path.name == RECORDS and path.stat().st_size == 0
    return not is_ours and not path.name.startswith(".")


def _lock(file: BinaryIO, run_dir: Path) -> None:
    """Hold the records for this process; asked twice, as `evals ls` holds them for an instant."""
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FolderInUseError(f"{run_dir} is being written by another process") from error
    except OSError as error:
        raise ResultsError(
            f"{run_dir} cannot be locked ({error.strerror}); choose a run_dir on another disk"
        ) from error
