"""A task plugin with arguments, as a user's own package has one: memes with other choices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.models.specs import MockSpec
from evals.types import Task
from tasks.hateful_memes import hateful_memes


def memes(choices: Sequence[str] = ("no", "yes"), kind: str = "classify", shown: str = "") -> Task:
    """Return Hateful Memes with these choices; `shown` is written before every text."""
    task = hateful_memes()

    def load(split, source):  # type: ignore[no-untyped-def]
        read = task.load(split, source)
        examples = tuple(
            replace(example, question=f"{shown}{example.question}") for example in read.examples
        )
        return replace(read, examples=examples)

    return replace(task, choices=tuple(choices), kind=kind, load=load)  # type: ignore[arg-type]


def same_memes(choices: Sequence[str] = ("no", "yes")) -> Task:
    """Return the same under another name, as after a move within a package."""
    return memes(choices)


def marked_memes(**given: Any) -> Task:
    """Return the same, whatever it is given; a hidden value is none that a plugin can use."""
    assert "<hidden>" not in repr(given)
    return memes(shown=str(given.get("image_token", "")))


@dataclass(frozen=True)
class KeyedSpec(MockSpec):
    """A model behind a service that wants a key, and has a vocabulary of its own."""

    api_key: str = ""
    image_token: str = "<image>"

    def __post_init__(self) -> None:
        assert "<hidden>" not in repr(self)
