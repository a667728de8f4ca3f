"""A protocol: everything in which the papers' evaluations differ, as values.

Flamingo (arXiv:2204.14198), IDEFICS (OBELICS, arXiv:2306.16527) and OpenFlamingo v2
(arXiv:2308.01390) asked the same questions with other words, other demonstrations, other
decoding and other truncation. The values stand in configs/protocol/*.yaml; docs/protocols.md
gives their sources and says what the papers leave open.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

import yaml

from evals.defaults import leave_out_defaults
from evals.errors import ConfigError
from evals.resources import configs_dir
from evals.text import cut_before
from evals.types import Decoding, Kind, Task, Wording

T = TypeVar("T")


class AnswerRule(StrEnum):
    """Which of an example's human answers a demonstration shows."""

    MOST_COMMON = "most_common"
    FIRST = "first"
    RANDOM = "random"


class Priming(StrEnum):
    """What stands before a zero-shot query."""

    TEXT_ONLY = "text_only"
    NONE = "none"


class ClassScore(StrEnum):
    """How a choice's token log-probabilities become its score."""

    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Truncation:
    """How a generated text becomes an answer, after it is cut at the decoding's stop strings."""

    patterns: tuple[str, ...] = ()
    """Regular expressions; the text is cut before the first match of each, one after another."""
    remove: str = ""
    """Every one of these characters is deleted."""

    def apply(self, text: str, *, stop: tuple[str, ...] = ()) -> str:
        """Return the answer within a generated text."""
        text = cut_before(text, stop)
        for pattern in self.patterns:
            text = re.split(pattern, text, maxsplit=1)[0]
        for character in self.remove:
            text = text.replace(character, "")
        return text.strip()


@dataclass(frozen=True, slots=True)
class Protocol:
    """One paper's way of evaluating.

    The mappings are keyed by a task's name, or by its kind for all tasks of that kind.
    """

    name: str
    wording: Mapping[str, Wording]
    decoding: Mapping[str, Decoding]
    truncation: Mapping[str, Truncation]
    headline: Mapping[str, str]
    """The score that the paper prints."""
    demonstration_answer: Mapping[str, AnswerRule]
    max_tokens: Mapping[str, int]
    """Prompt and answer together; the model's own limit also holds."""
    raw_answers: bool = True
    """OK-VQA demonstrations show answers as typed; False shows the released, stemmed ones."""
    end_of_chunk: str = ""
    """Fills `{end_of_chunk}`."""
    priming: Priming = Priming.TEXT_ONLY
    num_priming: int = 2
    """Text-only demonstrations before a zero-shot query; one alone is "highly detrimental"."""
    priming_kinds: tuple[Kind, ...] = ("vqa", "caption")
    priming_fixed: bool = True
    """The same priming demonstrations before every query."""
    class_score: ClassScore = ClassScore.SUM
    num_orders: int = 1
    """Class scores are averaged over this many orders of the demonstrations (at most k!)."""

    def word(self, task: Task) -> Wording:
        """Return the task's wording: its own sentence for this protocol, else the protocol's."""
        if self.name in task.wording:
            return task.wording[self.name]
        if (wording := find_for_task(self.wording, task)) is not None:
            return wording
        raise ConfigError(
            f"protocol {self.name} has no wording for task {task.name} (kind {task.kind}); give "
            f"the task wording={{{self.name!r}: Wording(...)}}, or the protocol wording.{task.name}"
        )

    def decode(self, task: Task) -> Decoding:
        if (decoding := find_for_task(self.decoding, task)) is not None:
            return decoding
        raise ConfigError(
            f"protocol {self.name} has no decoding for tasks of kind {task.kind}; "
            f"give protocol.decoding.{task.name}"
        )

    def truncate(self, task: Task, text: str) -> str:
        """Return the answer within a generated text."""
        rule = find_for_task(self.truncation, task) or Truncation()
        return rule.apply(text, stop=self.decode(task).stop)

    def describe(self, task: Task) -> dict[str, Any]:
        """Return the settings that a task's answers depend on, what is at its default left out.

        Not what other tasks are told, nor which score is printed first, nor how demonstrations are
        chosen and primed: that is the plan's. A closed set is not decoded, and what is generated
        has no class scores.
        """
        values: dict[str, Any] = {"name": self.name, "wording": leave_out_defaults(self.word(task))}
        if self.end_of_chunk:
            values["end_of_chunk"] = self.end_of_chunk
        if max_tokens := find_for_task(self.max_tokens, task):
            values["max_tokens"] = max_tokens
        if not task.choices:
            values["decoding"] = leave_out_defaults(self.decode(task))
            if truncation := find_for_task(self.truncation, task):
                values["truncation"] = leave_out_defaults(truncation)
            return values
        if self.class_score is not ClassScore.SUM:
            values["class_score"] = str(self.class_score)
        return values | ({"num_orders": self.num_orders} if self.num_orders != 1 else {})

    def headline_score(self, task: Task) -> str | None:
        return find_for_task(self.headline, task)

    def answer_rule(self, task: Task) -> AnswerRule:
        return find_for_task(self.demonstration_answer, task) or AnswerRule.FIRST

    def token_limit(self, task: Task, *, model_limit: int) -> int:
        return min(model_limit, find_for_task(self.max_tokens, task) or model_limit)

    def num_text_only(self, task: Task, *, num_shots: int) -> int:
        """Return how many text-only demonstrations stand before the query."""
        primes = self.priming is Priming.TEXT_ONLY and task.kind in self.priming_kinds
        return self.num_priming if primes and num_shots == 0 else 0


def find_for_task(mapping: Mapping[str, T], task: Task) -> T | None:
    """Return the entry of the task's name, else of its kind."""
    return mapping.get(task.name, mapping.get(task.kind))


def parse_protocol(values: Mapping[str, Any]) -> Protocol:
    """Build a protocol from a YAML file's values.

    Raises:
        ConfigError: an unknown or missing key, or a value outside its set.
    """
    values = dict(values)
    known = {field.name for field in fields(Protocol)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"protocol: unknown {', '.join(unknown)}; known: {sorted(known)}")
    end_of_chunk = values.get("end_of_chunk", "")
    parsers: dict[str, Any] = {
        "wording": _each(lambda entry: Wording(**entry)),
        "decoding": _each(lambda entry: _parse_decoding(entry, end_of_chunk)),
        "truncation": _each(_parse_truncation),
        "demonstration_answer": _each(AnswerRule),
        "priming": Priming,
        "priming_kinds": tuple,
        "class_score": ClassScore,
    }
    try:
        parsed = {key: parsers.get(key, lambda same: same)(value) for key, value in values.items()}
        return Protocol(**parsed)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"protocol {values.get('name', '?')}: {error}") from error


@cache
def load_protocol(name: str) -> Protocol:
    """Read a protocol as it is shipped, by name."""
    path = configs_dir() / "protocol" / f"{name}.yaml"
    if not path.is_file():
        raise ConfigError(f"no protocol {name}; there are {', '.join(list_protocols())}")
    return parse_protocol(yaml.safe_load(path.read_bytes()))


def list_protocols() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (configs_dir() / "protocol").glob("*.yaml")))


def _each(parse: Any) -> Any:
    return lambda mapping: {key: parse(entry) for key, entry in mapping.items()}


def _parse_decoding(entry: Mapping[str, Any], end_of_chunk: str) -> Decoding:
    values = dict(entry)
    if values.get("eos") is not None:
        values["eos"] = tuple(values["eos"])
    if "forbidden" in values:
        values["forbidden"] = _parse_strings(values, "forbidden")
    stop = (word.replace("{end_of_chunk}", end_of_chunk) for word in _parse_strings(values, "stop"))
    return Decoding(**{**values, "stop": tuple(word for word in stop if word)})


def _parse_truncation(entry: Mapping[str, Any]) -> Truncation:
    patterns = _parse_strings(entry, "patterns")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:  # else it would be met after hours of generating
            raise ValueError(f"truncation pattern {pattern!r}: {error}") from error
    return Truncation(**{**entry, "patterns": patterns})


def _parse_strings(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list's strings; a lone string would fall apart into its letters."""
    values = entry.get(key, ())
    if isinstance(values, str):
        raise TypeError(f"{key} is a list, not {values!r}; write [{values!r}]")
    return tuple(values)
