"""A benchmark as a value, and what its metrics see and say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evals.errors import ConfigError
from evals.types.examples import Example, ExampleSet, Source
from evals.types.scales import Scale, Unit

Kind = Literal["vqa", "caption", "classify"]
"""What a protocol knows how to word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer: after the protocol's truncation, or as a results file gives it."""

    text: str = ""
    """What was said; of a closed set, the choice's words."""
    choice: int | None = None
    """Index into `Task.choices`; `None` where the answer was generated."""
    probabilities: tuple[float, ...] = ()
    """Of each of `Task.choices`, summing to one; empty where the answer was generated."""
    failed: bool = False
    """Nothing was answered: the query's picture cannot be read. It is wrong, whatever is right."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer beside the example that it answers."""

    example: Example
    answer: Answer


@dataclass(frozen=True, slots=True)
class Score:
    """One number of one metric: its natural value (accuracy 0..1, CIDEr 0..10, a mean rank 1..).

    Raises:
        ConfigError: the unit is none of `Unit`.
    """

    name: str
    value: float | None
    """`None` where it was not computed; `note` says why and what to do."""
    num_examples: int
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    """95 %."""
    num_pictures: int | None = None
    """What the error counts as independent draws: examples on one picture are not."""
    per_example: Mapping[str, float] | None = None
    """Example id -> its own score, where the metric has one."""
    note: str = ""
    higher_is_better: bool = True
    """False of an error rate, a rank, a perplexity, a gap; said also where `value` is `None`."""
    unit: Unit = Unit.POINTS
    """What `value` is printed in: times 100 (a fraction, CIDEr), or as it is."""

    def __post_init__(self) -> None:
        try:
            Unit(self.unit)
        except ValueError as error:
            raise ConfigError(
                f"score {self.name}: unit={self.unit!r}: one of {', '.join(Unit)} "
                "(evals.types.Unit says what they mean)"
            ) from error

    @property
    def scale(self) -> Scale:
        return Scale(Unit(self.unit), self.higher_is_better)


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure over all predictions of a run; corpus measures need no second interface."""

    name: str
    compute: Callable[[Sequence[Prediction]], tuple[Score, ...]]
    """Of predictions in the order of the split's examples, whatever the order of their answers: one
    or several scores (a caption metric tokenises once for all of its seven)."""
    version: int = 1
    """Raised when equal predictions would score differently."""
    compute_sample: (
        Callable[[Sequence[Prediction], Sequence[Example]], tuple[Score, ...]] | None
    ) = None
    """Of predictions for a sample of a split, given all the split's examples as well; `None` where
    `compute` needs no more than what was sampled (CIDEr takes document frequencies from all)."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a protocol puts one kind of task into words.

    Templates know `<image>` (the picture), `{question}`, `{answer}` and `{end_of_chunk}` (the
    protocol's mark after a demonstration).
    """

    example: str
    """One demonstration; the query is the same text cut before `{answer}`, right-stripped."""
    text_only: str
    """A demonstration without its picture (zero-shot priming)."""
    prefix: str = ""
    choice: str = " {answer}"
    """What is appended to the query for each choice of a closed set."""
    bos: bool = True
    """False where the source's prompt does not start with the BOS token."""


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """A file in a benchmark's official submission format."""

    file_name: str
    content: str


@dataclass(frozen=True, slots=True)
class ResultsFormat:
    """How a benchmark's official results file is written and read."""

    write: Callable[[str, Sequence[Prediction], Source], ResultsFile]
    """(split, predictions, source) -> the file that a server takes."""
    read: Callable[[Path], Mapping[str, Answer]]
    """A file made anywhere -> example id -> answer, taken verbatim."""


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark: what there is. The protocol words it, the model answers it."""

    name: str
    kind: Kind
    load: Callable[[str, Source], ExampleSet]
    """(split, source) -> its examples, always in the same order."""
    metrics: tuple[Metric, ...]
    choices: tuple[str, ...] = ()
    """The closed set that is ranked by log-likelihood (`classify`)."""
    wording: Mapping[str, Wording] = field(default_factory=dict)
    """Protocol name -> this task's own sentence, where no protocol knows the task."""
    results_format: ResultsFormat | None = None
    """The official submission format; `None` where the benchmark has none."""
    version: int = 1
    """Raised when equal responses would be scored differently."""
