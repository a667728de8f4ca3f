"""Arguments of Python as words of the command line, in the grammar of Hydra's overrides."""

import re
from collections.abc import Iterable
from pathlib import Path

from evals.errors import ConfigError


def write_word(key: str, value: object) -> str:
    """Write a setting as the command line has it: `shots=[0,4]`.

    Raises:
        ConfigError: the value is nothing that a setting could be.
    """
    return f"{key}={_write(key, value)}"


def _write(key: str, value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str() | Path():
            return _quote(str(value))
        case dict() | bytes():
            pass
        case Iterable():
            return f"[{','.join(_write(key, item) for item in value)}]"
    raise ConfigError(
        f"{key}={value!r} is no setting: a number, a text, a path, or a list of these"
    )


def _quote(text: str) -> str:
    r"""Quote a text, so that it stays one: neither `null` nor a list is read out of it.

    Between quotes a backslash stands for itself, save before a quote: there `\\` is one, and `\'`
    the quote.
    """
    return "'" + re.sub(r"(\\*)('|$)", _escape, text) + "'"


def _escape(found: re.Match[str]) -> str:
    backslashes, quote = found.groups()
    return backslashes * 2 + (r"\'" if quote else "")
