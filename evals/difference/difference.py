"""The values: layers of an evaluation, in which one two runs part, and parts of the gap."""

from dataclasses import dataclass
from enum import StrEnum

from evals.types import Scale


class Layer(StrEnum):
    """What a number is made of, in the order in which it is made: what comes first explains more.

    Other demonstrations make other prompts, and other prompts make other answers.
    """

    DATA = "data"
    """Which queries are asked; their questions, references and labels; the task's choices."""
    DEMONSTRATIONS = "demonstrations"
    """Which support examples a query is shown, with which answers, and how many fit."""
    PROMPT = "prompt bytes"
    """The words around them."""
    PIXELS = "pixels"
    """Pictures, and how the checkpoint's processor makes pixels of them."""
    WEIGHTS = "weights"
    """The checkpoint, its tokenizer, the type it computes in, and the model's settings."""
    DECODING = "decoding"
    TRUNCATION = "truncation"
    """How an answer is read from what was generated or ranked."""
    SCORER = "scorer"
    """Which score is printed, by which version of which metric."""
    VERSIONS = "versions"
    """Code, packages, Python, device."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which two runs differ."""

    layer: Layer
    what: str
    """A setting by its path, or what of a query."""
    before: str
    after: str
    query_id: str | None = None
    """The first query in which it shows, in the order of the split; `None` where in none, or where
    that cannot be told any more (`detail`)."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one layer makes of the gap, in the headline's natural unit."""

    what: str
    value: float


@dataclass(frozen=True, slots=True)
class Difference:
    """All that is different in a run B from a run A."""

    names: tuple[str, str]
    values: tuple[float | None, float | None]
    """Each run's headline, in its natural unit."""
    headlines: tuple[str | None, str | None]
    scale: Scale
    """Of B's headline."""
    causes: tuple[Cause, ...]
    """In the order of `Layer`."""
    parts: tuple[Part, ...]
    """They add up to the gap; empty where a run has no headline value."""
    notes: tuple[str, ...] = ()
    """What could not be looked at."""

    @property
    def cause(self) -> Cause | None:
        """The first cause; `None` where the runs are the same."""
        return self.causes[0] if self.causes else None

    @property
    def gap(self) -> float | None:
        """B's headline less A's."""
        before, after = self.values
        return None if before is None or after is None else after - before
