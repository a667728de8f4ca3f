"""A benchmark of which less is better, and a model that makes as many mistakes as it is told to."""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image as PilImages

from evals.compose import compose_config
from evals.config import parse_config
from evals.metrics.scoring import mean_score, score_each
from evals.models.mock import MOCK_INFO, MockModel
from evals.runner import Session, run_all
from evals.types import (
    Example,
    ExampleSet,
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    Metric,
    ModelInfo,
    Prediction,
    Prompt,
    Score,
    Source,
    Task,
    Text,
    Unit,
)
from tests.runner.calls import Silent

NUM_EXAMPLES = 100
RANKS = (3.0, 17.0)
"""Of a right answer and of a wrong one."""


def make_example(number: int) -> Example:
    content = io.BytesIO()
    PilImages.new("RGB", (2, 2), (number, 0, 0)).save(content, "PNG")
    return Example(
        id=str(number),
        image=Image(content.getvalue()),
        question=f"which number is {number}?",
        references=(str(number),),
        metadata={"question_type": "even" if number % 2 == 0 else "odd"},
    )


def load(split: str, source: Source) -> ExampleSet:
    start = 0 if split == "val" else NUM_EXAMPLES
    return ExampleSet(tuple(make_example(start + each) for each in range(NUM_EXAMPLES)))


def is_wrong(prediction: Prediction) -> bool:
    return prediction.answer.text not in prediction.example.references


def compute(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    errors = score_each(predictions, lambda each: float(is_wrong(each)), worst=1.0)
    ranks = score_each(predictions, lambda each: RANKS[is_wrong(each)], worst=RANKS[1])
    return (
        replace(mean_score("error_rate", errors, predictions), higher_is_better=False),
        replace(
            mean_score("mean_rank", ranks, predictions), higher_is_better=False, unit=Unit.PLAIN
        ),
    )


def numbers() -> Task:
    return Task("numbers", "vqa", load, metrics=(Metric("errors", compute),))


@dataclass(frozen=True)
class CarelessModel:
    info: ModelInfo
    num_wrong: int
    mock: MockModel = field(default_factory=MockModel)
    notes: tuple[str, ...] = ()
    max_tokens: int = 2048

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return self.mock.count_tokens(prompt, bos=bos)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        for request in requests:
            words = "".join(part.text for part in request.prompt if isinstance(part, Text))
            asked = int(re.findall(r"which number is (\d+)", words)[-1])
            text = "none" if asked < self.num_wrong else str(asked)
            yield Generation(request.id, text, (1,), -1.0, 10, "eos")

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        return self.mock.loglikelihood(requests)


@dataclass(frozen=True)
class CarelessSpec:
    num_wrong: int = 0
    """Of the split val."""
    max_tokens: int = 2048

    def describe(self) -> ModelInfo:
        digest = hashlib.sha256(f"careless {self.num_wrong}".encode()).hexdigest()
        return replace(MOCK_INFO, name="careless", fingerprint=digest)

    def load(self) -> CarelessModel:
        return CarelessModel(self.describe(), self.num_wrong)


def run_numbers(folder: Path, *, num_wrong: int) -> tuple[Path, ...]:
    """Run the benchmark at 0 and 2 shots; return the run folders."""
    (folder / "task").mkdir(exist_ok=True)
    (folder / "task" / "numbers.yaml").write_text(
        "# @package tasks.numbers\n_target_: tests.error_rates.numbers\n"
        "split: val\nsupport_split: train\n"
    )
    words = (
        "task=numbers",
        "model=mock",
        "model._target_=tests.error_rates.CarelessSpec",
        f"+model.num_wrong={num_wrong}",
        "+protocol.headline.numbers=error_rate",
        "shots=[0,2]",
        "data_dir=.",
        f"run_dir={folder / str(num_wrong)}",
    )
    session = Session(parse_config(compose_config(words, config_dir=str(folder))), Silent())
    return tuple(run_dir for run_dir, _ in run_all(session))
