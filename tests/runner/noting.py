"""A model to which something happens that a summary should say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from evals.models.mock import MOCK_INFO, MockModel
from evals.types import (
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
)


@dataclass(frozen=True)
class NotingModel:
    """A mock that notes something with every call."""

    mock: MockModel = field(default_factory=MockModel)
    notes: list[str] = field(default_factory=list)
    info: ModelInfo = MOCK_INFO
    max_tokens: int = 2048

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return self.mock.count_tokens(prompt, bos=bos)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        self.notes.append(f"call {len(self.notes) + 1} was hard")
        return self.mock.generate(requests)

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        return self.mock.loglikelihood(requests)


@dataclass(frozen=True)
class NotingSpec:
    max_tokens: int = 2048

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> NotingModel:
        return NotingModel()
