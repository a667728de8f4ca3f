"""What is Hydra's: the schema of a config, composing one, and building what a `_target_` names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.defaults import leave_out_default_arguments
from evals.errors import ConfigError
from evals.hidden import HiddenModel
from evals.resources import configs_dir
from evals.secrets import HIDDEN, find_hidden
from evals.types import ModelSpec, Task

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Sampler(StrEnum):
    """How demonstrations are chosen (evals.demonstrations).

    Members are named as users write them: OmegaConf reads an enum by its members' names.
    """

    random = "random"
    fixed = "fixed"
    balanced = "balanced"
    rices = "rices"


class SourceKind(StrEnum):
    """Whether a task reads its official files or a hub data set."""

    files = "files"
    hub = "hub"


class OnError(StrEnum):
    """What becomes of a query whose picture cannot be read."""

    stop = "stop"
    """The run stops, and says which pictures these are."""
    record = "record"
    """A failure is recorded, which scores as wrong."""


@dataclass
class DemonstrationsConfig:
    sampler: Sampler = Sampler.random
    num_support: int | None = 2048
    plan: str | None = None


@dataclass
class RunConfig:
    """The schema of configs/run.yaml: unknown keys and wrong types are refused by name.

    Not frozen, and with lists: Hydra fills it. `parse_config` makes values of it.
    """

    tasks: dict[str, Any] = field(default_factory=dict)
    model: Any = None
    protocol: Any = None
    shots: Any = 4
    seed: Any = 0
    limit: int | None = None
    sample: int | None = None
    sample_seed: int = 0
    split: str | None = None
    support_split: str | None = None
    source: SourceKind = SourceKind.files
    data_dir: str | None = None
    image_dir: str | None = None
    questions: str | None = None
    annotations: str | None = None
    run_dir: str | None = None
    demonstrations: DemonstrationsConfig = field(default_factory=DemonstrationsConfig)
    on_error: OnError = OnError.stop
    reference: list[str] = field(default_factory=list)
    report: str | None = None
    tracker: Any = None
    execution: Any = None


HYDRAS_KEYS = ("_target_", "_convert_", "_recursive_", "_partial_", "_args_")
"""Of a node that is instantiated: no arguments."""


def register_schema() -> None:
    """Make the schema known under the name that configs/run.yaml starts from."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="run_schema", node=RunConfig)


def compose_config(overrides: Sequence[str], *, config_dir: str | None = None) -> Mapping[str, Any]:
    """Compose a config without running a Hydra application; inside another one, too."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    register_schema()
    if config_dir:
        overrides = [f"hydra.searchpath=[{Path(config_dir).absolute().as_uri()}]", *overrides]
    hydra = GlobalHydra.instance()
    outer = hydra.hydra  # of somebody's own application that calls us
    hydra.clear()
    try:
        with initialize_config_dir(str(configs_dir()), version_base="1.3"):
            return resolve_config(compose("run", list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(str(error)) from error
    finally:
        if outer is not None:
            hydra.clear()
            hydra.initialize(outer)


def resolve_config(config: "DictConfig") -> Mapping[str, Any]:
    """Return a composed config as plain values, its references filled in.

    Raises:
        ConfigError: a value is missing (`???`) or refers to nothing.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values: Any = OmegaConf.to_container(
            config, resolve=True, enum_to_str=True, throw_on_missing=True
        )
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key or 'config'}: {error.msg or error}") from error
    resolved: Mapping[str, Any] = values
    return resolved


def build_task(name: str, plugin: Mapping[str, Any]) -> Task:
    """Call the plugin.

    Raises:
        ConfigError: it cannot be imported, or does not know an argument.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        task = instantiate(dict(plugin))
    except InstantiationException as error:
        raise ConfigError(f"tasks.{name}: {error}") from error
    if not isinstance(task, Task):
        raise ConfigError(
            f"tasks.{name}._target_={plugin['_target_']} returned "
            f"{type(task).__name__}; a plugin is a function that returns an evals.types.Task"
        )
    return task


def build_model_spec(node: Mapping[str, Any]) -> ModelSpec:
    """Make the model's settings; no weight is read yet."""
    if places := tuple(find_hidden(node, "model")):
        return HiddenModel(places)
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        spec: ModelSpec = instantiate(dict(node))
    except InstantiationException as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from error
        raise ConfigError(f"model: {error}") from error
    return spec


def describe_arguments(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of what a node's `_target_` names that a run's answers may depend on.

    Those at their default are left out, and those that the target itself says move no answer
    (`NOT_IN_IDENTITY`, a class attribute of a model's settings).

    Raises:
        ConfigError: the target cannot be imported.
    """
    from hydra.utils import get_object

    try:
        target = get_object(node["_target_"])
    except (ImportError, ValueError) as error:
        raise ConfigError(f"_target_={node['_target_']} cannot be imported: {error}") from error
    without: frozenset[str] = getattr(target, "NOT_IN_IDENTITY", frozenset())
    given = {key: value for key, value in node.items() if key not in (*HYDRAS_KEYS, *without)}
    return leave_out_default_arguments(target, given)


def build_tracker(node: Mapping[str, Any]) -> object:
    """Make what a config's `tracker` names; whether it is a tracker, evals.trackers sees.

    Raises:
        ConfigError: it cannot be imported, or does not know an argument.
    """
    return _build("tracker", node)


def build_execution(node: Mapping[str, Any]) -> object:
    """Make what a config's `execution` names; whether it is one, evals.execution sees.

    Raises:
        ConfigError: it cannot be imported, or does not know an argument.
    """
    return _build("execution", node)


def _build(name: str, node: Mapping[str, Any]) -> object:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    if places := ", ".join(find_hidden(node, name)):
        raise ConfigError(f"{places}: {HIDDEN} stands for a secret; give the value itself")
    try:
        return instantiate({"_convert_": "all", **node})
    except InstantiationException as error:
        raise ConfigError(f"{name}: {error}") from error
