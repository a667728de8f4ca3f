"""Hugging Face data sets as rows: any repository or local folder that `datasets` loads.

Columns get our field names (`HubSource.columns`). Pictures stay undecoded on disk until they are
looked at: VQAv2's hub copy stores one with every question, 45 GB in all.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.data.hub_pictures import HubPictures
from evals.data.rows import Problems, Row
from evals.errors import ConfigError, DataError
from evals.types import HubSource, Source

if TYPE_CHECKING:
    from datasets import Dataset, DatasetBuilder

BATCH_SIZE = 1000
"""Rows that are converted from Arrow at once."""
PICTURE_FIELDS = ("image", "folder", "file_name")


@dataclass(frozen=True, slots=True)
class HubTable:
    """One split, opened."""

    rows: tuple[Row, ...]
    """Their fields are ours; `image` is an `Image`, absent where no pictures are wanted."""
    problems: Problems
    files: tuple[Path, ...]
    """Of a local folder; a repository has a revision instead."""
    revision: str


def open_table(split: str, source: Source, *, task: str, fields: Sequence[str]) -> HubTable:
    """Read a split's rows; `fields` is what its columns must at least give, pictures aside.

    Raises:
        ConfigError: `hub.<split>` does not say where a field comes from.
        DataError: the data set, its split or a column cannot be found.
    """
    hub = _choose(split, source, task=task, fields=fields)
    repository, builder = _prepare(hub)
    columns = {
        field: column
        for field, column in hub.columns.items()
        if source.with_images or field not in PICTURE_FIELDS
    }
    place = f"{repository} {hub.split}"
    try:
        dataset = builder.as_dataset(split=hub.split)
    except ValueError as error:  # an empty split, or a slice that is none
        raise DataError(f"{place} cannot be read: {error}") from error
    if missing := {column for column in columns.values() if column not in dataset.column_names}:
        raise DataError(
            f"{place} has no column {', '.join(sorted(missing))}; it has: "
            f"{', '.join(dataset.column_names)}. Set tasks.{task}.hub.{split}.columns accordingly"
        )
    problems = Problems(
        f"{task} {split}",
        way_out=f"It was read from {place} as tasks.{task}.hub.{split} says; choose another "
        "repository or other columns there, or use the official files (source=files).",
    )
    files = _local_files(builder, hub.split)
    return HubTable(
        rows=tuple(
            _read_rows(
                dataset,
                columns,
                source=source,
                place=place,
                problems=problems,
                roots=_list_roots(repository),
            )
        ),
        problems=problems,
        files=files,
        # The hash of a repository's builder is its commit.
        revision="" if files else f"{repository}@{hub.revision or 'main'} {builder.hash}",
    )


def _choose(split: str, source: Source, *, task: str, fields: Sequence[str]) -> HubSource:
    known = source.hub or {}
    if split not in known:
        raise ConfigError(
            f"{task}: no Hugging Face data set is known for the split {split!r} (known: "
            f"{', '.join(known) or 'none'}); set tasks.{task}.hub.{split} to its repository, split "
            "and columns, or use the official files (source=files)"
        )
    columns = known[split].columns
    missing = [field for field in fields if field not in columns]
    if source.with_images and "image" not in columns and "file_name" not in columns:
        missing.append("image (or file_name)")
    if missing:
        raise ConfigError(f"tasks.{task}.hub.{split}.columns does not name {', '.join(missing)}")
    return known[split]


def _prepare(hub: HubSource) -> tuple[str, "DatasetBuilder"]:
    """Return the repository that was found, and its data, downloaded and converted."""
    from datasets import load_dataset_builder
    from datasets.exceptions import DatasetsError

    failures = []
    for repository in [hub.repository, *([hub.fallback] if hub.fallback else [])]:
        try:
            builder = load_dataset_builder(repository, name=hub.config, revision=hub.revision)
            builder.download_and_prepare()
        except (FileNotFoundError, ConnectionError) as error:
            failures.append(f"{repository}: {error}")
        except (DatasetsError, OSError, RuntimeError, ValueError) as error:
            # A RuntimeError is how `datasets` refuses repositories with a loading script.
            raise DataError(f"{repository} cannot be loaded: {error}") from error
        else:
            known = builder.info.splits or {}
            if unknown := _split_names(hub.split) - set(known):
                raise DataError(
                    f"{repository} has no split {', '.join(sorted(unknown))}; it has: "
                    f"{', '.join(known)}"
                )
            return repository, builder
    raise DataError(
        "no such data set, or the hub cannot be reached (a local folder must exist):\n  - "
        + "\n  - ".join(failures)
    )


def _split_names(expression: str) -> set[str]:
    """Return the splits in an expression of `datasets`: "train+restval", "train[:10%]"."""
    return {re.sub(r"\[.*\]", "", part).strip() for part in expression.split("+")}


def _local_files(builder: "DatasetBuilder", split: str) -> tuple[Path, ...]:
    data_files = builder.config.data_files or {}
    names = [str(name) for part in _split_names(split) for name in data_files.get(part, ())]
    return tuple(Path(name) for name in sorted(names) if "://" not in name)


def _list_roots(repository: str) -> tuple[Path, ...]:
    """Return where a data set's own files are: its folder, and what was downloaded.

    Each as it is named and as it is: `datasets` follows links in some of them.
    """
    from datasets import config
    from huggingface_hub.constants import HF_HUB_CACHE

    caches = (config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, HF_HUB_CACHE)
    own = [repository] if Path(repository).expanduser().is_dir() else []
    folders = [Path(folder).expanduser() for folder in (*own, *caches)]
    return tuple(path for folder in folders for path in (folder.absolute(), folder.resolve()))


def _read_rows(
    dataset: "Dataset",
    columns: dict[str, str],
    *,
    source: Source,
    place: str,
    problems: Problems,
    roots: Sequence[Path],
) -> Iterator[Row]:
    texts = {field: name for field, name in columns.items() if field != "image"}
    pictures = HubPictures(dataset, columns, source, roots=roots) if source.with_images else None
    number = 0
    for batch in dataset.select_columns(sorted(set(texts.values()))).iter(BATCH_SIZE):
        cells: list[Sequence[Any]] = [batch[name] for name in texts.values()]
        for values in zip(*cells, strict=True):
            row = Row(dict(zip(texts, values, strict=True)), f"{place}, row {number}", problems)
            if pictures is not None:
                image = pictures.find(number, row)
                row = Row({**row.values, "image": image}, row.place, problems)
            yield row
            number += 1
