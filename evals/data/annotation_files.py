"""Finding annotation files under their official names, and parsing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from evals.data.rows import Problems, Row, as_rows, show
from evals.data.strict_json import parse_json
from evals.errors import ConfigError
from evals.types import Source

Split = TypeVar("Split")


def choose_split(splits: Mapping[str, Split], split: str, *, task: str) -> Split:
    """Return what is known of a split.

    Raises:
        ConfigError: the task has no such split; the message lists those it has.
    """
    if split not in splits:
        raise ConfigError(f"{task} has no split {split!r}; its splits: {', '.join(splits)}")
    return splits[split]


def official_problems(task: str, split: str, *, download: str) -> Problems:
    """Return an empty list of mistakes whose way out is the benchmark's download page."""
    return Problems(
        f"{task} {split}",
        way_out=(
            f"The official files: {download}. Put them under their official names into data_dir "
            "(annotations also into its annotations/), or say where they are with data_dir=, "
            "questions=, annotations= and image_dir=; source=hub reads a Hugging Face copy."
        ),
    )


def refuse_questions(source: Source, *, task: str) -> None:
    """Refuse `questions=` for a benchmark whose questions stand in its annotation file.

    Raises:
        ConfigError: it is given.
    """
    if source.questions is not None:
        raise ConfigError(f"{task} has no question file of its own; use annotations= instead")


def require_file(source: Source, *names: str, problems: Problems) -> Path | None:
    """Return the first official name that is in `data_dir` or its `annotations/`.

    None of them there is a mistake.
    """
    folder = source.data_dir
    for name in names:
        for path in (folder / name, folder / "annotations" / name):
            if path.is_file():
                return path
    missing = "" if folder.is_dir() else " (there is no such folder)"
    problems.add(f"{' or '.join(names)} is neither in {folder} nor its annotations/{missing}")
    return None


def read_json(path: Path, *, problems: Problems) -> dict[str, Any] | None:
    """Return a file's JSON object; what cannot be read or parsed is a mistake."""
    content = _read_content(path, problems=problems)
    if isinstance(content, dict):
        return content
    if content is not None:
        problems.add(f"{path}: holds a JSON {type(content).__name__}, not an object")
    return None


def read_json_list(path: Path, *, problems: Problems) -> list[Any]:
    """Return a file's JSON list; what cannot be read or parsed is a mistake."""
    content = _read_content(path, problems=problems)
    if isinstance(content, list):
        return content
    if content is not None:
        problems.add(f"{path}: holds a JSON {type(content).__name__}, not a list")
    return []


def read_text(path: Path, *, problems: Problems) -> str:
    """Return a file's UTF-8 text, line ends as they are."""
    data = _read_bytes(path, problems=problems)
    try:
        return (data or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(f"{path}: not UTF-8 at byte {error.start}")
        return ""


def list_rows(content: Mapping[str, Any], key: str, *, path: Path, problems: Problems) -> list[Row]:
    """Return the rows of the list `key` of an annotation file; none is a mistake."""
    values = content.get(key)
    if isinstance(values, list):
        if not values:
            problems.add(f"{path}: the list {key!r} is empty")
        return as_rows(values, f"{path}, {key}", problems=problems)
    problems.add(f"{path}: has no list {key!r} (fields: {', '.join(map(repr, content)) or 'none'})")
    return []


def read_json_lines(path: Path, *, problems: Problems) -> list[Row]:
    """Return the rows of a JSON-lines file; empty lines are passed over."""
    data = _read_bytes(path, problems=problems)
    rows = []
    # Bytes split at line feeds only: str.splitlines would also cut at U+2028 within a text.
    for number, line in enumerate((data or b"").split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        value = _parse(line, place, problems=problems)
        if isinstance(value, dict):
            rows.append(Row(value, place, problems))
        elif value is not None:
            problems.add(f"{place}: {show(value)} is not a JSON object")
    return rows


def _read_bytes(path: Path, *, problems: Problems) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        problems.add(f"{path}: {error.strerror}")
        return None


def _read_content(path: Path, *, problems: Problems) -> Any:
    data = _read_bytes(path, problems=problems)
    return None if data is None else _parse(data, str(path), problems=problems)


def _parse(data: bytes, place: str, *, problems: Problems) -> Any:
    value, mistakes = parse_json(data, place)
    for mistake in mistakes:
        problems.add(mistake)
    if value is None and not mistakes:
        problems.add(f"{place}: holds null")
    return value
