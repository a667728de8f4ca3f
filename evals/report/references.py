"""Published numbers: 1,003 cells of the tables of Flamingo, IDEFICS and OpenFlamingo.

results/references/*.csv hold them with their sources, a file per family. A table shows them by
series (evals.report.series).
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.errors import ConfigError, DataError, list_problems
from evals.report.series import Series, name_series, parse_size
from evals.resources import references_dir
from evals.types import DEFAULT_SCALE, Scale, Unit

COLUMNS = (
    "model",
    "size",
    "variant",
    "benchmark",
    "split",
    "shots",
    "metric",
    "value",
    "std",
    "source",
    "note",
)
SCALE_COLUMNS = ("unit", "higher_is_better")
"""A file may end with these; without them its numbers are in points, and higher is better."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One published number, as printed."""

    series: Series
    model: str
    size: str
    variant: str
    """How the paper describes what was evaluated."""
    benchmark: str
    split: str
    shots: int | None
    """`None` where it is no number of shots: fine-tuned models."""
    metric: str
    value: float
    std: float | None
    """Standard deviation over seeds, where printed (FairFace: over buckets)."""
    source: str
    note: str
    scale: Scale = DEFAULT_SCALE

    @property
    def standard_error(self) -> float | None:
        """Of the demonstrations' choice alone: no paper prints that of its queries."""
        if self.std is None or self.series.num_seeds is None:
            return None
        return self.std / math.sqrt(self.series.num_seeds)


def load_references(folder: Path | None = None) -> tuple[Reference, ...]:
    """Read every CSV file of a folder (default: the shipped numbers), in order of file name.

    Raises:
        DataError: there is none, or rows are malformed or say a thing twice; all are listed.
    """
    folder = folder or references_dir()
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise DataError(f"no references: {folder} holds no *.csv")
    problems: list[str] = []
    references = [reference for path in paths for reference in _read_file(path, problems)]
    seen: set[tuple[str | int | None, ...]] = set()
    for reference in references:
        key = (
            reference.series.name,
            reference.benchmark,
            reference.split,
            reference.shots,
            reference.metric,
        )
        if key in seen:
            problems.append(f"twice: {', '.join(str(part) for part in key)}")
        seen.add(key)
    if problems:
        raise DataError(f"references in {folder}:\n{list_problems(problems)}")
    return tuple(references)


def list_series(references: Iterable[Reference]) -> tuple[Series, ...]:
    """Return the series, families in the order of their first row, sizes ascending."""
    sizes = {reference.series: parse_size(reference.size) for reference in references}
    families = list(dict.fromkeys(series.family for series in sizes))
    return tuple(sorted(sizes, key=lambda series: (families.index(series.family), sizes[series])))


def select_references(
    references: Sequence[Reference], names: Iterable[str]
) -> tuple[Reference, ...]:
    """Return the rows of the series asked for, in the order asked for.

    Args:
        references: what there is.
        names: in any case: a series (`IDEFICS-80B-instruct`), or a name without its size for all
            sizes (`idefics-instruct`).

    Raises:
        ConfigError: an unknown name.
    """
    every = list_series(references)
    chosen: dict[Series, None] = {}
    unknown = []
    for name in names:
        wanted = name.strip().casefold()
        found = [series for series in every if series.name.casefold() == wanted]
        found = found or [series for series in every if series.family.casefold() == wanted]
        if not found:
            unknown.append(name)
        chosen.update(dict.fromkeys(found))
    if unknown:
        known = ", ".join(series.name for series in every)
        raise ConfigError(
            f"no reference {', '.join(unknown)}; there are {known}, and without the size all "
            "sizes (Flamingo)"
        )
    return tuple(
        reference for series in chosen for reference in references if reference.series == series
    )


def cite(references: Iterable[Reference]) -> str:
    """Return where these numbers were printed, each place once."""
    sources = dict.fromkeys(reference.source for reference in references)
    whole = [
        source
        for source in sources
        if not any(other.startswith(source) and other != source for other in sources)
    ]
    return ", ".join(whole)


def _read_file(path: Path, problems: list[str]) -> Iterator[Reference]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = tuple(reader.fieldnames or ())
        if names not in (COLUMNS, COLUMNS + SCALE_COLUMNS):
            problems.append(
                f"{path.name}: its first line must be {','.join(COLUMNS)}, and may go on with "
                f"{','.join(SCALE_COLUMNS)}"
            )
            return
        for row in reader:
            try:
                yield _parse_row(row, num_columns=len(names))
            except (ValueError, TypeError, AttributeError) as error:
                problems.append(f"{path.name} line {reader.line_num}: {error}")


def _parse_row(row: Mapping[str, str], *, num_columns: int) -> Reference:
    if None in row or None in row.values():
        raise ValueError(f"it does not have {num_columns} columns")
    return Reference(
        series=name_series(row["model"], row["size"], variant=row["variant"]),
        model=row["model"],
        size=row["size"],
        variant=row["variant"],
        benchmark=row["benchmark"],
        split=row["split"],
        shots=int(row["shots"]) if row["shots"] else None,
        metric=row["metric"],
        value=float(row["value"]),
        std=float(row["std"]) if row["std"] else None,
        source=row["source"],
        note=row["note"],
        scale=_parse_scale(row),
    )


def _parse_scale(row: Mapping[str, str]) -> Scale:
    if "unit" not in row:
        return DEFAULT_SCALE
    said = row["higher_is_better"].casefold()
    if said not in ("true", "false"):
        raise ValueError(f"higher_is_better is {row['higher_is_better']!r}, not true or false")
    return Scale(Unit(row["unit"]), higher_is_better=said == "true")
