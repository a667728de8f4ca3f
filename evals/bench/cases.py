"""The cases: how prompts are made and answered, written `kind-number`.

random-4      own demonstrations for each query, 4 of them; 10 new tokens, greedy
fixed-32      the same 32 demonstrations for all queries
beams-4       as random-4, with 3 beams
classes-100   4 demonstrations, and the log-likelihoods of 100 classes
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from evals.errors import ConfigError

Kind = Literal["random", "fixed", "beams", "classes"]

NUM_BEAMS = 3
NUM_CLASS_SHOTS = 4
BATCH_SIZE = 8
"""Rows that transformers reads together."""
MAX_CLASSES = 100
MAX_SHOTS = 64


@dataclass(frozen=True, slots=True)
class Case:
    kind: Kind
    shots: int
    classes: int = 0

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.classes or self.shots}"

    @property
    def num_beams(self) -> int:
        return NUM_BEAMS if self.kind == "beams" else 1

    def sample_size(self, *, sample_images: int, num_queries: int) -> int:
        """Return how many queries transformers answers in a round.

        Whole batches, so that none is short; but two queries at least, however many classes.
        """
        rows = max(1, min(64, sample_images // (self.shots + 1)))
        rows = -(-rows // BATCH_SIZE) * BATCH_SIZE
        if self.classes:
            return min(num_queries, max(2, rows // self.classes))
        batches = max(1, rows // self.num_beams // BATCH_SIZE)
        return min(num_queries, batches * BATCH_SIZE)


def parse_cases(names: Iterable[str]) -> tuple[Case, ...]:
    """Read names of cases.

    Raises:
        ConfigError: one is no case.
    """
    return tuple(dict.fromkeys(_parse(name.strip()) for name in names))


def _parse(name: str) -> Case:
    match = re.fullmatch(r"([a-z]+)-(\d+)", name)
    if not match or match[1] not in get_args(Kind):
        raise ConfigError(
            f"{name!r} is no case; write KIND-NUMBER, the kind being {', '.join(get_args(Kind))} "
            "and the number shots, of classes-NUMBER classes: random-4, classes-100"
        )
    kind, number = cast(Kind, match[1]), int(match[2])
    if kind == "classes":
        if not 2 <= number <= MAX_CLASSES:
            raise ConfigError(f"{name}: there are from 2 to {MAX_CLASSES} classes")
        return Case(kind, NUM_CLASS_SHOTS, number)
    if number > MAX_SHOTS:
        raise ConfigError(f"{name}: at most {MAX_SHOTS} shots fit into a prompt")
    return Case(kind, number)
