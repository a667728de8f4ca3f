"""Which data sets are there, and whether a run could read all of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.compose import build_model_spec, build_task, compose_config
from evals.config import TaskSettings, parse_tasks
from evals.doctor.findings import Finding, Verdict
from evals.errors import EvalError
from evals.files import cache_dir
from evals.mini.make import VERSION
from evals.resources import configs_dir
from evals.types import ExampleSet, Source

MAX_EXAMPLES = 50_000
"""Of a split that is read unasked: VQAv2's take half a minute."""
MAX_MISTAKES = 2


def check_data(words: Sequence[str], *, config_dir: Path | None = None) -> Iterator[Finding]:
    """Look at the query and support splits of the tasks that settings name, else of all.

    What is named is read whole, and missing where it is not there.

    Raises:
        ConfigError: the settings are wrong.
    """
    named = any(word.startswith(("task=", "suite=")) for word in words)
    everything = [] if named else [f"task=[{','.join(_list_tasks(config_dir))}]"]
    folder = None if config_dir is None else str(config_dir)
    values = compose_config([*everything, *words], config_dir=folder)
    for task in parse_tasks(values, _choose_model(values, words)):
        yield from check_task(task, named=named)
    mini = cache_dir() / f"mini-v{VERSION}"
    where = f"in {mini}" if mini.is_dir() else f"drawn into {mini} when first used"
    yield Finding("mini", f"five small benchmarks for model=tiny, {where}")


def _choose_model(values: Mapping[str, Any], words: Sequence[str]) -> Any:
    """Return the model that is named: the tiny one brings mini benchmarks for who names no data."""
    return build_model_spec(values["model"]) if any(w.startswith("model") for w in words) else None


def _list_tasks(config_dir: Path | None) -> list[str]:
    folders = [configs_dir(), *([config_dir] if config_dir else [])]
    return sorted({path.stem for folder in folders for path in folder.glob("task/*.yaml")})


def check_task(task: TaskSettings, *, named: bool) -> Iterator[Finding]:
    """Yield a finding for each of a task's two splits, or one where neither can be."""
    source = task.source
    folder = source.data_dir
    if source.hub is not None:
        found = ", ".join(dict.fromkeys(hub.repository for hub in source.hub.values()))
        yield Finding(task.name, f"from the hub when a run starts: {found}")
        return
    if not folder.is_dir() and source.annotations is None:
        way_out = (
            "put the official files there (docs/data.md says which and from where), or give "
            "data_dir=, EVALS_DATA_DIR or source=hub"
        )
        verdict = Verdict.MISSING if named else Verdict.NOTE
        yield Finding(task.name, f"no folder {folder}", verdict, way_out)
        return
    splits = list(dict.fromkeys((task.split, task.support_split)))
    large = [split for split in splits if task.split_sizes.get(split, 0) > MAX_EXAMPLES]
    unread = [] if named or task.is_mini else large
    for split in splits:
        if split not in unread:
            yield _check_split(task, split)
    if unread:
        found = f"not read, for the size; {_count_files(source)}"
        way_out = f"evals doctor task={task.name} reads all of it"
        yield Finding(f"{task.name} {', '.join(unread)}", found, Verdict.NOTE, way_out)


def _check_split(task: TaskSettings, split: str) -> Finding:
    what = f"{task.name} {split}"
    official = task.split_sizes.get(split)
    source = task.source
    if split != task.split:  # as Session.load has it
        source = replace(source, questions=None, annotations=None)
    try:
        examples = build_task(task.name, task.plugin).load(split, source)
    except EvalError as error:
        return _tell_mistakes(what, str(error))
    return _judge(what, examples, source, official=official, is_mini=task.is_mini)


def _judge(
    what: str, examples: ExampleSet, source: Source, *, official: int | None, is_mini: bool
) -> Finding:
    count = len(examples.examples)
    pictures = {example.picture_id for example in examples.examples if example.image}
    found = f"{count:,} examples, {len(pictures):,} pictures in {source.data_dir}"
    if is_mini:
        return Finding(what, f"mini benchmark: {found}", Verdict.NOTE, "")
    if official is not None and count != official:
        way_out = f"officially {official:,}: its scores will be marked as not the benchmark's"
        return Finding(what, found, Verdict.NOTE, way_out)
    return Finding(what, found)


def _tell_mistakes(what: str, message: str) -> Finding:
    """Shorten what a load says: what, a list of mistakes, and the way out."""
    head, *lines = message.splitlines()
    mistakes = [line.removeprefix("  - ") for line in lines if line.startswith("  ")]
    ways = [line for line in lines if not line.startswith("  ")]
    found = "\n".join([head, *mistakes[:MAX_MISTAKES]])
    if len(mistakes) > MAX_MISTAKES:
        found += "\n..."
    return Finding(what, found, Verdict.MISSING, " ".join(ways))


def _count_files(source: Source) -> str:
    """Return how many files there are, folder by folder: cheap, whatever their size."""
    counts = []
    for folder in dict.fromkeys((source.data_dir, source.image_dir or source.data_dir)):
        if not folder.is_dir():
            counts.append(f"no folder {folder}")
            continue
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        parts = [f"{sum(entry.is_file() for entry in found):,} files"]
        for entry in found:
            if entry.is_dir():
                with os.scandir(entry.path) as inner:
                    parts.append(f"{sum(1 for _ in inner):,} in {entry.name}/")
        counts.append(f"{folder}: {', '.join(parts)}")
    return "; ".join(counts)
