"""What there is: tasks, models, protocols, trackers, published numbers: what `evals list` prints.

All but the numbers are read from the text of configs/*/*.yaml: nothing is composed,
imported or loaded.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from rich import box
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from evals.errors import ConfigError
from evals.report.references import cite, list_series, load_references
from evals.resources import configs_dir


def list_tasks(config_dir: Path | None = None) -> RichTable:
    """Tabulate the tasks: what they are, their splits with official sizes, the default ones."""
    grid = _make_grid("task", "what it is", "splits (official examples)", "query ← support")
    for name, comment, values in _read_group("task", config_dir):
        sizes: Mapping[str, int] = values.get("split_sizes") or {}
        splits = "\n".join(f"{split} {size:,}" for split, size in sizes.items())
        default = f"{values.get('split', '?')} ← {values.get('support_split', '?')}"
        grid.add_row(*map(Text, (name, comment, splits, default)))
    return grid


def list_models(config_dir: Path | None = None) -> RichTable:
    """Tabulate the models, and the settings that must be given."""
    grid = _make_grid("model", "what it is", "to be given")
    for name, comment, values in _read_group("model", config_dir):
        required = ", ".join(f"model.{key}" for key, value in values.items() if value == "???")
        grid.add_row(*map(Text, (name, comment, required)))
    return grid


def list_protocols(config_dir: Path | None = None) -> RichTable:
    """Tabulate the protocols and what each makes the headline score."""
    grid = _make_grid("protocol", "what it is", "headline scores")
    for name, comment, values in _read_group("protocol", config_dir):
        headline: Mapping[str, str] = values.get("headline") or {}
        scores = ", ".join(f"{kind}: {score}" for kind, score in headline.items())
        grid.add_row(*map(Text, (name, comment, scores)))
    return grid


def list_references(config_dir: Path | None = None) -> RichTable:
    """Tabulate the series of published numbers: shots, how many numbers, printed where."""
    del config_dir  # references are no configs
    references = load_references()
    grid = _make_grid("series", "shots", "numbers", "source")
    for series in list_series(references):
        rows = [reference for reference in references if reference.series == series]
        shots = sorted({row.shots for row in rows if row.shots is not None})
        texts = (series.name, " ".join(map(str, shots)) or "–", str(len(rows)), cite(rows))
        grid.add_row(*map(Text, texts))
    return grid


def list_trackers(config_dir: Path | None = None) -> RichTable:
    """Tabulate the trackers and what can be set."""
    grid = _make_grid("tracker", "what it is", "settings")
    for name, comment, values in _read_group("tracker", config_dir):
        keys = ", ".join(f"tracker.{key}" for key in values if key != "_target_")
        grid.add_row(*map(Text, (name, comment, keys)))
    return grid


_LISTS: Mapping[str, Callable[[Path | None], RichTable]] = {
    "tasks": list_tasks,
    "models": list_models,
    "protocols": list_protocols,
    "trackers": list_trackers,
    "references": list_references,
}
LISTS = tuple(_LISTS)


def render_list(name: str, *, config_dir: Path | None = None) -> RenderableType:
    """Return one of `LISTS`; `config_dir` is a folder with more configs (task/NAME.yaml).

    Raises:
        ConfigError: the folder does not exist, or a file in it is no YAML.
    """
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: no such folder")
    return _LISTS[name](config_dir)


def _read_group(group: str, config_dir: Path | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (name, what its first comment says, values) of a group's files; the user's win."""
    folders = [configs_dir(), *([config_dir] if config_dir else [])]
    paths = {path.stem: path for folder in folders for path in (folder / group).glob("*.yaml")}
    for name, path in sorted(paths.items()):
        text = path.read_text(encoding="utf-8")
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: {error}") from error
        yield name, _read_comment(text), values if isinstance(values, dict) else {}


def _read_comment(text: str) -> str:
    """Return the first sentence of the comment that opens a file."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment = line.removeprefix("#").strip()
        if not comment.startswith(("@package", "evals ")):
            lines.append(re.split(r"\s{2,}", comment)[0])  # the command stands to the right
    return re.split(r"(?<=[.;:])\s+(?=[A-Z])", " ".join(lines).strip())[0].rstrip(".;:")


def _make_grid(*heads: str) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, head in enumerate(heads):
        grid.add_column(head, no_wrap=index == 0, overflow="fold")
    return grid
