"""In which settings a protocol is not the one that is shipped under its name."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_args

from evals.protocols import AnswerRule, Protocol, Truncation, list_protocols, load_protocol
from evals.types import Decoding, Kind, Task

DEFAULTS: Mapping[str, Any] = {
    "truncation": Truncation(),
    "demonstration_answer": AnswerRule.FIRST,
}
"""What holds for a task that a mapping of a protocol says nothing of."""


def find_changes(protocol: Protocol, task: Task) -> tuple[str, ...]:
    """Return the settings in which a protocol is not the one shipped under its name.

    None of a protocol of the user's own: it is no changed one. By effect, not by spelling: what
    is said at its default, in another order, or of another task than this alone is no change.
    """
    if protocol.name not in list_protocols():
        return ()
    shipped = load_protocol(protocol.name)
    names = [field.name for field in fields(Protocol)]
    return tuple(
        name
        for name in names
        if _differ(name, getattr(protocol, name), getattr(shipped, name), task)
    )


def _differ(name: str, own: Any, shipped: Any, task: Task) -> bool:
    if not isinstance(shipped, Mapping):
        return bool(_order(own) != _order(shipped))
    kinds = own.keys() & set(get_args(Kind))
    default = DEFAULTS.get(name)
    return any(
        _order(_find(own, entry, task) or default) != _order(_find(shipped, entry, task) or default)
        for entry in {*shipped, *kinds, task.name}
    )


def _find(mapping: Mapping[str, Any], entry: str, task: Task) -> Any:
    return mapping.get(entry, mapping.get(task.kind) if entry == task.name else None)


def _order(value: Any) -> Any:
    """Return a setting with what has no order in one order."""
    if isinstance(value, Decoding):
        eos = None if value.eos is None else tuple(sorted(set(value.eos)))
        stop, forbidden = sorted(set(value.stop)), sorted(set(value.forbidden))
        return replace(value, stop=tuple(stop), forbidden=tuple(forbidden), eos=eos)
    if isinstance(value, Truncation):
        return replace(value, remove="".join(sorted(set(value.remove))))
    return frozenset(value) if isinstance(value, tuple) else value  # priming_kinds
