"""What must not be written down: tokens, passwords and keys of the command line and environment.

A value is a secret by one of three things, and by nothing else:

* its setting's name, if that means a credential wherever it stands (`api_key`, `password`,
  `access_token`, `Authorization`). Other names that end in `token` are a vocabulary's
  (`image_token`, `pad_token`);
* where it stands: a lone `token` that is no task's, a header, the user and the query of a URL, the
  value of an environment variable that is so named (`HF_TOKEN`);
* its form: `hf_...`, `Bearer ...`, or a long mix of letters and digits under a name that ends in
  `token` or `key`.

A protocol's names say nothing: they are its fields and the names of tasks.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import yaml

HIDDEN = "<hidden>"
SHORTEST = 8
"""Of an environment variable's value: a shorter one would be found in innocent text."""

_WORDS = (
    r"auth|authorization|bearer|password|passwd|passphrase|secret|credential|"
    r"(api|access|secret|private|auth|account|subscription|signing|encryption)_?key"
)
_CREDENTIAL = re.compile(
    rf"(^|_)({_WORDS}|(auth|access|refresh|api|bearer|session|security|secret|private|personal|"
    r"login|oauth|service|identity|hub|hf|huggingface|github|gitlab|wandb|mlflow)_?token)s?$"
)
"""Of a setting, wherever it stands."""
_IN_PLACE = re.compile(rf"(^|_)({_WORDS}|token|signature|sig|cookie)s?$")
"""Of an environment variable, a header and a parameter in a URL."""
_IN_HEADER = re.compile(r"\s*([A-Za-z][\w-]*)\s*:\s*\S")
_REFERENCE = re.compile(r"\$\{[\w.:]+\}")
_LIKE_A_TOKEN = re.compile(r"[\w.~+/=:-]+")
"""Not `<image>`, `[SEP]`, or words."""
_LIKE_A_KEY = re.compile(
    r"(?=(?:\D*\d){3})(?=.*[A-Za-z])[\w.~+/=:-]*"
    r"([A-Za-z0-9]{20}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})[\w.~+/=:-]*",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)[^/\s?#]+(?=@)")
_IN_QUERY = re.compile(r"(?<=[?&#])([^=&\s#]+)=([^&\s#]+)")
_BY_FORM = re.compile(
    r"(?<![A-Za-z0-9])(hf_[A-Za-z0-9]{16,}|sk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}|"
    r"gh[opsur]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|"
    r"A[KS]IA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|"
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)"
)
_AUTHORIZATION = re.compile(
    r"(\bauthorization\W{1,4}(?:bearer|basic|token|digest)\s+|"
    r"\bbearer\s+(?=[\w.~+/-]{16})(?=[^\s\d]*\d))[^\s'\",}\]]+",
    re.IGNORECASE,
)


def hide_secrets(value: Any) -> Any:
    """Return a value of JSON's kinds with every secret in it replaced by `<hidden>`.

    A mapping's names say where a value stands: of a whole config, or dotted (`model.api_key`).
    """
    return _hide(value, (), _list_environment())


def find_hidden(value: Any, place: str = "") -> Iterator[str]:
    """Yield where `<hidden>` stands in a value of JSON's kinds: names and indices, with dots."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            within = f"{place}.{key}" if place else str(key)
            if HIDDEN in str(key):
                yield within
            else:
                yield from find_hidden(item, within)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from find_hidden(item, f"{place}.{index}")
    elif isinstance(value, str) and HIDDEN in value:
        yield place


def shield_overrides(words: Iterable[str]) -> list[str]:
    """Return `key=value` words whose secrets stand in the environment instead.

    Hydra writes the words of a sweep into files of its own; a word that holds a secret becomes
    `key=${oc.env:EVALS_SECRET_0}`, which is filled in where the value is used.
    """
    known = _list_environment()
    shielded: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and any(_hide({key: each}, (), known) != {key: each} for each in _read(value)):
            name = f"EVALS_SECRET_{len(shielded)}"
            os.environ[name] = value.strip("'\"")
            reference = f"${{oc.env:{name}}}"
            is_nested = value.startswith(("[", "{"))
            word = f"{key}=${{oc.decode:{reference}}}" if is_nested else f"{key}={reference}"
        shielded.append(word)
    return shielded


def _read(value: str) -> Iterator[Any]:
    """Yield a word's value as text, and a list or mapping in it as far as YAML reads it."""
    yield value
    if value.startswith(("[", "{")):
        with suppress(yaml.YAMLError):
            yield yaml.safe_load(re.sub(r":(?=[^\s/])", ": ", value))  # Hydra needs no space


def _hide(value: Any, path: tuple[str, ...], known: Sequence[str]) -> Any:
    """Return a value without its secrets; `path` are the names that lead to it."""
    if isinstance(value, Mapping):
        return {
            _hide_in_text(key, known) if isinstance(key, str) else key: _hide(
                item, (*path, *_split(str(key))), known
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hide(item, path, known) for item in value]
    if _is_secret(value, path):
        return HIDDEN
    return _hide_in_text(value, known) if isinstance(value, str) else value


def _is_secret(value: Any, path: tuple[str, ...]) -> bool:
    """Return whether a value is a secret as a whole, by the names that lead to it."""
    is_text = isinstance(value, str) and value != "" and not _REFERENCE.fullmatch(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    names = path[2:] if path[:1] == ("tasks",) else path  # the second is a task's name
    if not names or path[0] == "protocol" or not (is_text or is_number):
        return False
    if any(_CREDENTIAL.search(name) for name in names):
        return True
    if is_number:
        return False
    if any(name in ("header", "headers") or name.endswith("_headers") for name in names):
        line = _IN_HEADER.match(value)
        return any(_IN_PLACE.search(name) for name in (*names, *_split(line[1] if line else "")))
    if names[-1] == "token" and path[0] not in ("task", "tasks"):
        return _LIKE_A_TOKEN.fullmatch(value) is not None
    return names[-1].endswith(("token", "key")) and _LIKE_A_KEY.fullmatch(value) is not None


def _split(key: str) -> tuple[str, ...]:
    """Return a dotted name's parts in one spelling: `+model.X-Api-Key` is model, x_api_key.

    A file's path is no setting's name.
    """
    if "/" in key:
        return ()
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key.lstrip("+~"))
    return tuple(snake.lower().replace("-", "_").replace(" ", "_").split("."))


def _hide_in_text(text: str, known: Sequence[str]) -> str:
    for secret in known:
        text = text.replace(secret, HIDDEN)
    text = _IN_URL.sub(HIDDEN, text)
    text = _IN_QUERY.sub(
        lambda match: f"{match[1]}={HIDDEN}" if _is_in_place(match[1]) else match[0], text
    )
    text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
    return _BY_FORM.sub(HIDDEN, text)


def _is_in_place(name: str) -> bool:
    return any(_IN_PLACE.search(part) for part in _split(name)[-1:])


def _list_environment() -> list[str]:
    """Return the environment's secrets, the longest first: one may be part of another."""
    secrets = {
        value
        for name, value in os.environ.items()
        if len(value) >= SHORTEST and (_is_in_place(name) or name.startswith("EVALS_SECRET_"))
    }
    return sorted(secrets, key=lambda secret: (-len(secret), secret))
