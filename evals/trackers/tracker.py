"""What a tracker is, and making one of what configs/tracker/*.yaml says."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from evals.compose import build_tracker
from evals.errors import ConfigError
from evals.trackers.series import Series


@runtime_checkable
class Tracker(Protocol):
    """Shows scores: one of the three here, or a class in anybody's package."""

    def check(self) -> None:
        """Say before a run what would keep its scores from being logged.

        Raises:
            EvalError: a package, a login or a setting is missing.
        """
        ...

    def log(self, series: Series) -> str:
        """Log finished runs; return where they can be looked at. It may raise anything."""
        ...


def open_tracker(node: Mapping[str, Any] | None) -> Tracker | None:
    """Return the tracker that a composed config names, checked; `None` where it names none.

    Raises:
        ConfigError: it is no tracker, or could not log.
    """
    settings = {key: value for key, value in (node or {}).items() if key != "_target_"}
    target = (node or {}).get("_target_")
    if target is None and settings:
        raise ConfigError(f"tracker.{', tracker.'.join(settings)}: of which tracker? tracker=NAME")
    if target is None:
        return None
    tracker = build_tracker({"_target_": target, **settings})
    if not isinstance(tracker, Tracker):
        raise ConfigError(
            f"tracker._target_={target} is no tracker: it needs the methods check() and "
            "log(series); docs/trackers.md has an example"
        )
    tracker.check()
    return tracker
