"""What an execution is, and making one of what configs/execution/*.yaml says."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable

from evals.compose import build_execution
from evals.errors import ConfigError
from evals.types import ModelSpec


@runtime_checkable
class Execution(Protocol):
    """Makes a model answer somewhere else: the one here, or a class in anybody's package."""

    def spread(self, spec: ModelSpec) -> AbstractContextManager[ModelSpec]:
        """Return settings whose `load` gives a model that answers there, until the context ends."""
        ...


@contextmanager
def spread_model(node: Mapping[str, Any] | None, spec: ModelSpec) -> Iterator[ModelSpec]:
    """Give a model's settings, for as long as the context lasts as a config's `execution` says.

    Raises:
        ConfigError: it names no execution, or one that cannot be had.
    """
    execution = open_execution(node)
    if execution is None:
        yield spec
        return
    with execution.spread(spec) as spread:
        yield spread


def open_execution(node: Mapping[str, Any] | None) -> Execution | None:
    """Return the execution that a composed config names; `None` for this process.

    Raises:
        ConfigError: it is no execution, or does not know a setting.
    """
    settings = {key: value for key, value in (node or {}).items() if key != "_target_"}
    target = (node or {}).get("_target_")
    if target is None and settings:
        names = ", execution.".join(settings)
        raise ConfigError(f"execution.{names}: of which execution? execution=NAME")
    if target is None:
        return None
    execution = build_execution({"_target_": target, **settings})
    if not isinstance(execution, Execution):
        raise ConfigError(
            f"execution._target_={target} is no execution: it needs the method spread(spec)"
        )
    return execution
