"""Settings: from configs/ and the command line to typed values. Below this, nobody knows Hydra."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.compose import OnError, Sampler, SourceKind, build_model_spec
from evals.errors import ConfigError, ResultsError
from evals.files import cache_dir
from evals.hidden import refuse_hidden
from evals.mini import MINI_TASKS, ensure_mini, is_mini
from evals.protocols import Protocol, parse_protocol
from evals.relocation import relocate
from evals.store import CONFIG, read_config
from evals.types import HubSource, ModelSpec, Source


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """One benchmark as it is to be run: what the YAML and the command line say around a `Task`."""

    name: str
    plugin: Mapping[str, Any]
    """`_target_`, the function that returns the `Task`, and its arguments."""
    split: str
    support_split: str
    split_sizes: Mapping[str, int]
    benchmark: str
    reference_splits: Mapping[str, str]
    source: Source
    is_mini: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """One call of `evals run`: every combination of tasks, shots and seeds is a run."""

    tasks: tuple[TaskSettings, ...]
    model: ModelSpec
    protocol: Protocol
    shots: tuple[int, ...]
    seeds: tuple[int, ...]
    limit: int | None
    """The first queries only."""
    sample: int | None
    """So many queries at random (evals.runner.sample); never with a limit."""
    sample_seed: int
    run_dir: Path | None
    sampler: Sampler
    num_support: int | None
    plan: Path | None
    on_error: OnError
    references: tuple[str, ...]
    report: Path | None
    values: Mapping[str, Any]
    """What it was parsed from; a run folder keeps its part."""

    @property
    def num_runs(self) -> int:
        return len(self.tasks) * len(self.shots) * len(self.seeds)


OF_ONE_TASK = ("split", "support_split", "data_dir", "image_dir", "questions", "annotations")
"""Settings that mean one benchmark's files; with several tasks they are refused."""
OF_THE_BENCHMARK = ("split_sizes", "benchmark", "reference_splits", "hub")
"""Facts in a task's YAML; what remains there are the plugin's arguments."""


def parse_config(values: Mapping[str, Any]) -> Settings:
    """Turn a composed, resolved config into settings.

    Raises:
        ConfigError: a value is missing, outside its set, or contradicts another.
    """
    model = build_model_spec(values["model"])
    if values["limit"] is not None and values["limit"] < 1:
        raise ConfigError(f"limit={values['limit']}: it is a number of queries, at least 1")
    sample = values.get("sample")  # older run folders do not say
    if sample is not None and sample < 1:
        raise ConfigError(f"sample={sample}: it is a number of queries, at least 1")
    if sample is not None and values["limit"] is not None:
        raise ConfigError(
            f"limit={values['limit']} is the first queries and sample={sample} random ones; give "
            "one of the two"
        )
    demonstrations = values["demonstrations"]
    if demonstrations["num_support"] is not None and demonstrations["num_support"] < 1:
        raise ConfigError("demonstrations.num_support: at least 1, or null for the whole split")
    settings = Settings(
        tasks=parse_tasks(values, model),
        model=model,
        protocol=parse_protocol(values["protocol"]),
        shots=_parse_numbers("shots", values["shots"]),
        seeds=_parse_numbers("seed", values["seed"]),
        limit=values["limit"],
        sample=sample,
        sample_seed=values.get("sample_seed", 0),
        run_dir=_path(values["run_dir"]),
        sampler=Sampler(demonstrations["sampler"]),
        num_support=demonstrations["num_support"],
        plan=_path(demonstrations["plan"]),
        on_error=OnError(values.get("on_error", OnError.stop)),  # older run folders do not say
        references=tuple(values["reference"]),
        report=_path(values.get("report")),
        values=values,
    )
    if settings.plan and len(settings.tasks) > 1:
        raise ConfigError("demonstrations.plan=FILE belongs to one task; run the tasks one by one")
    return settings


def read_settings(run_dir: Path, paths: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of a run folder: one task, one number of shots, one seed.

    Args:
        run_dir: the folder.
        paths: where its data are now (evals.relocation), if they were moved.

    Raises:
        ResultsError: the folder is no run, or its settings are not what a run wrote.
        ConfigError: what they name is not here, or a secret that is not kept.
    """
    values = read_config(run_dir)
    try:
        values = relocate(values, paths or {})
        refuse_hidden(values, file=str(run_dir / CONFIG))
        settings = parse_config(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultsError(
            f"{run_dir / CONFIG} is not what a run wrote ({error!r:.300}); copy the folder again"
        ) from error
    if settings.num_runs != 1:
        raise ResultsError(f"{run_dir / CONFIG}: {settings.num_runs} runs, and a folder holds one")
    return settings


def parse_tasks(values: Mapping[str, Any], model: ModelSpec | None) -> tuple[TaskSettings, ...]:
    """Read the task nodes of a composed config.

    Raises:
        ConfigError: a value is missing, contradicts another, or stands for a secret.
    """
    refuse_hidden(values)
    nodes = values["tasks"]
    if not nodes:
        raise ConfigError("no task: give task=NAME or suite=NAME; `evals list` shows them")
    if len(nodes) > 1 and (given := [name for name in OF_ONE_TASK if values[name] is not None]):
        raise ConfigError(
            f"{', '.join(given)}: meant for one task, and there are {len(nodes)} "
            f"({', '.join(nodes)}); give tasks.<name>.split=... and the like, or for the data set "
            "EVALS_DATA_DIR to the folder that holds <task>/"
        )
    return tuple(_parse_task(name, dict(node), values, model) for name, node in nodes.items())


def narrow_config(
    settings: Settings, task: TaskSettings, *, shots: int, seed: int
) -> dict[str, Any]:
    """Return the config of one run, its paths resolved: `parse_config` reads it back anywhere."""
    paths = {
        "data_dir": str(task.source.data_dir),
        "image_dir": _text(task.source.image_dir),
        "questions": _text(task.source.questions),
        "annotations": _text(task.source.annotations),
    }
    return {
        **settings.values,
        "tasks": {task.name: settings.values["tasks"][task.name]},
        "shots": shots,
        "seed": seed,
        "split": task.split,
        "support_split": task.support_split,
        "run_dir": None,
        "report": None,  # it and the tracker show scores, and have no part in them
        "tracker": None,
        "execution": None,  # nor has where answers were made
        **paths,
    }


def _parse_task(
    name: str, node: dict[str, Any], values: Mapping[str, Any], model: ModelSpec | None
) -> TaskSettings:
    if "_target_" not in node:
        raise ConfigError(f"tasks.{name} has no _target_, the function that returns the Task")
    own = {key: node.pop(key, None) for key in (*OF_ONE_TASK, *OF_THE_BENCHMARK)}
    given = {key: own[key] if values[key] is None else values[key] for key in OF_ONE_TASK}
    if missing := [key for key in ("split", "support_split") if given[key] is None]:
        raise ConfigError(f"tasks.{name} names no {' and no '.join(missing)}")
    data_dir = _find_data_dir(name, given["data_dir"], model)
    from_hub = values["source"] == SourceKind.hub
    return TaskSettings(
        name=name,
        plugin=node,
        split=given["split"],
        support_split=given["support_split"],
        split_sizes=own["split_sizes"] or {},
        benchmark=own["benchmark"] or name,
        reference_splits=own["reference_splits"] or {},
        source=Source(
            data_dir=data_dir,
            image_dir=_path(given["image_dir"]),
            questions=_path(given["questions"]),
            annotations=_path(given["annotations"]),
            hub=_parse_hub(name, own["hub"] or {}) if from_hub else None,
        ),
        is_mini=is_mini(data_dir) and not from_hub,
    )


def _find_data_dir(name: str, given: str | None, model: ModelSpec | None) -> Path:
    """Return a task's folder; the tiny model brings mini benchmarks for who names none."""
    from evals.models.specs import TinySpec

    if given:
        return Path(given).absolute()
    if parent := os.environ.get("EVALS_DATA_DIR"):
        return Path(parent).absolute() / name
    if isinstance(model, TinySpec) and name in MINI_TASKS:
        return ensure_mini(cache_dir()) / name
    return Path("data").absolute() / name


def _parse_hub(name: str, hub: Mapping[str, Any]) -> dict[str, HubSource]:
    if not hub:
        raise ConfigError(
            f"tasks.{name} names no hub data set; give tasks.{name}.hub, or source=files"
        )
    try:
        return {split: HubSource(**entry) for split, entry in hub.items()}
    except TypeError as error:
        raise ConfigError(f"tasks.{name}.hub: {error}") from error


def _parse_numbers(name: str, value: Any) -> tuple[int, ...]:
    numbers = value if isinstance(value, list) else [value]
    bad = [number for number in numbers if type(number) is not int or number < 0]
    if bad or not numbers or len(set(numbers)) < len(numbers):
        raise ConfigError(f"{name}={value}: a number from 0 on, or a list of different ones")
    return tuple(numbers)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(value: str | None) -> Path | None:
    return None if value is None else Path(value).absolute()
