"""Where the data of a run lie now, if not where its settings say."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.errors import ConfigError

DATA_PATHS = ("data_dir", "image_dir", "questions", "annotations")
"""Settings that say where a task's files are: they may change after a run, its answers stay."""


def relocate(values: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the config of one run with the paths of its data as they are now.

    What is given counts. Where the recorded `data_dir` is gone, it is looked for as a new run
    looks: in `$EVALS_DATA_DIR/<task>`. Paths inside the recorded folder move with it.

    Args:
        values: what the run folder keeps.
        given: new values of `DATA_PATHS`.

    Raises:
        ConfigError: another setting is given.
    """
    if unknown := sorted(set(given) - set(DATA_PATHS)):
        raise ConfigError(
            f"{', '.join(unknown)}: a run that is there is read with its own settings; only "
            f"{', '.join(DATA_PATHS)} can be given, where its data were moved"
        )
    before = values["data_dir"]
    after = given.get("data_dir") or _find(before, next(iter(values["tasks"]), ""))
    moved = {
        key: _move(value, Path(before), Path(after)) if before and after and value else value
        for key, value in ((key, values[key]) for key in DATA_PATHS)
    }
    absolute = {key: str(Path(value).absolute()) for key, value in given.items()}
    return {**values, **moved, **absolute}


def _find(recorded: str | None, task: str) -> str | None:
    parent = os.environ.get("EVALS_DATA_DIR")
    if not recorded or not parent or Path(recorded).is_dir():
        return None
    return str(Path(parent).absolute() / task)


def _move(path: str, before: Path, after: Path) -> str:
    """Return a path that lies in one folder as it lies in another; others as they are."""
    own = Path(path)
    if not own.is_relative_to(before):
        return path
    return str(after.absolute() / own.relative_to(before))
