"""Settings without what is at its default: a setting that is added later changes no hash."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def leave_out_defaults(value: "DataclassInstance") -> dict[str, Any]:
    """Return a dataclass' fields that are not at their defaults, dataclasses within likewise."""
    return {
        field.name: leave_out_defaults(own)
        if is_dataclass(own) and not isinstance(own, type)
        else own
        for field in fields(value)
        if (own := getattr(value, field.name)) != _default(field)
    }


def leave_out_default_arguments(
    function: Callable[..., Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments that are not at the defaults of a function's (or class') parameters."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in classes have none
        return dict(arguments)
    return {
        name: value
        for name, value in arguments.items()
        if name not in parameters or not _is_default(value, parameters[name].default)
    }


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _is_default(value: Any, default: Any) -> bool:
    # YAML has lists where a signature has tuples; and 1 == True to Python, not to a plugin.
    plain = list(default) if isinstance(default, tuple) else default
    return type(value) is type(plain) and bool(value == plain)
