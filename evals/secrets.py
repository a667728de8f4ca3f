"""What must not be written down: tokens, passwords and keys of the command line and environment.

A secret is known by its setting's name (`api_key`), by being the value of an environment variable
so named (`HF_TOKEN`), by its place in a URL, or by its form.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HIDDEN = "<hidden>"
SHORTEST = 8
"""Of an environment variable's value: a shorter one would be found in innocent text."""

_NAME = re.compile(
    r"(^|[_.\-])(token|auth|authorization|password|passwd|passphrase|secret|credentials?|"
    r"api_?key|access_?key|secret_?key|private_?key|signature|sig)$",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_IN_QUERY = re.compile(r"(?<=[?&])([^=&\s#]+)=([^&\s#]+)")
_BY_FORM = re.compile(
    r"\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[opsur]_[A-Za-z0-9]{16,}|"
    r"github_pat_[A-Za-z0-9_]{16,}|AKIA[A-Z0-9]{16})\b"
)


def hide_secrets(value: Any) -> Any:
    """Return a value of JSON's kinds with every secret in it replaced by `<hidden>`."""
    return _hide(value, _list_environment())


def shield_overrides(words: Iterable[str]) -> list[str]:
    """Return `key=value` words whose secrets stand in the environment instead.

    Hydra writes the words of a sweep into files of its own; a word that holds a secret becomes
    `key=${oc.env:EVALS_SECRET_0}`, which is filled in where the value is used.
    """
    known = _list_environment()
    shielded: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and _hide({key: value}, known) != {key: value}:
            name = f"EVALS_SECRET_{len(shielded)}"
            os.environ[name] = value.strip("'\"")
            reference = f"${{oc.env:{name}}}"
            is_nested = value.startswith(("[", "{"))
            word = f"{key}=${{oc.decode:{reference}}}" if is_nested else f"{key}={reference}"
        shielded.append(word)
    return shielded


def _hide(value: Any, known: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: HIDDEN
            if isinstance(item, str) and item and _NAME.search(str(key))
            else _hide(item, known)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hide(item, known) for item in value]
    return _hide_in_text(value, known) if isinstance(value, str) else value


def _hide_in_text(text: str, known: Sequence[str]) -> str:
    for secret in known:
        text = text.replace(secret, HIDDEN)
    text = _IN_URL.sub(HIDDEN, text)
    text = _IN_QUERY.sub(
        lambda match: f"{match[1]}={HIDDEN}" if _NAME.search(match[1]) else match[0], text
    )
    return _BY_FORM.sub(HIDDEN, text)


def _list_environment() -> list[str]:
    """Return the environment's secrets, the longest first: one may be part of another."""
    secrets = {
        value
        for name, value in os.environ.items()
        if len(value) >= SHORTEST and (_NAME.search(name) or name.startswith("EVALS_SECRET_"))
    }
    return sorted(secrets, key=lambda secret: (-len(secret), secret))
