"""The trackers' own packages: extras, imported when a tracker is named."""

from importlib import import_module
from types import ModuleType

from evals.errors import ConfigError


def import_package(name: str, *, extra: str) -> ModuleType:
    """Import a module of a tracker's package.

    By name, so that type checkers do not walk through packages of this size.

    Raises:
        ConfigError: it is not installed, or cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"tracker={extra} needs a package that is not there ({error}): "
            f"pip install 'idefics-evals[{extra}]'"
        ) from error
