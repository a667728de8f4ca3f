"""The canaries sing where a model is sound, and fall silent one by one where it is not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from evals.canaries import Outcome, run_canaries
from evals.canaries.oracle import load_oracle
from evals.models.mock import MOCK_INFO, MockModel
from evals.models.specs import MockSpec, TinySpec
from evals.types import (
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    Model,
    ModelInfo,
    Prompt,
)

FLOAT_INFO = replace(MOCK_INFO, dtype="float32")
BATCH = "one prompt at a time as all together"
ANSWERS = "answers one at a time as all together"
CLASSES = "classes together as each alone"
PICTURES = "another picture moves the scores"
TEXT_FIRST = "text before the first picture is blind to it"
ORACLE = "the same scores as transformers"


def run(model: Model, **options: Any) -> dict[str, Outcome]:
    given: dict[str, Any] = {"oracle": lambda: "none here", "hidden": None, **options}
    return {canary.name: canary.outcome for canary in run_canaries(model, **given)}


def test_the_tiny_checkpoint_passes_them_all() -> None:
    spec = TinySpec()
    model = spec.load()
    found = run(
        model,
        oracle=lambda: load_oracle(spec, model.info),
        hidden=model.states_before_pictures,
    )
    assert found == dict.fromkeys(
        (BATCH, ANSWERS, CLASSES, PICTURES, TEXT_FIRST, ORACLE), Outcome.PASSED
    )


@dataclass(frozen=True)
class Faulty:
    """A mock with one fault."""

    fault: str = ""
    mock: MockModel = field(default_factory=MockModel)
    info: ModelInfo = FLOAT_INFO
    max_tokens: int = 2048
    notes: tuple[str, ...] = ()

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return self.mock.count_tokens(prompt, bos=bos)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        batch = list(requests)
        for made in self.mock.generate(batch):
            spoilt = self.fault == "batch" and len(batch) > 1
            yield replace(made, token_ids=(1, *made.token_ids)) if spoilt else made

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        batch = [self._see(request) for request in requests]
        for made in self.mock.loglikelihood(batch):
            off = 0.01 * (self.fault == "batch" and len(batch) > 1)
            off += 0.01 * (self.fault == "classes") * len(made.logprobs)
            if self.fault == "nan":
                off = float("nan")
            yield replace(made, logprobs=tuple(value - off for value in made.logprobs))

    def _see(self, request: LogLikelihoodRequest) -> LogLikelihoodRequest:
        if self.fault != "blind":
            return request
        prompt = tuple(part for part in request.prompt if not isinstance(part, Image))
        return replace(request, prompt=prompt)


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        ("", set()),
        ("batch", {BATCH, ANSWERS}),
        ("classes", {CLASSES}),
        ("blind", {PICTURES}),
        ("nan", {BATCH, CLASSES, PICTURES}),
    ],
)
def test_each_fault_fails_the_check_that_is_for_it(fault: str, failing: set[str]) -> None:
    found = run(Faulty(fault))
    assert {name for name, outcome in found.items() if outcome is Outcome.FAILED} == failing
    assert found[TEXT_FIRST] is found[ORACLE] is Outcome.SKIPPED


def test_text_that_sees_a_later_picture_fails() -> None:
    def hidden(prompt: Prompt) -> object:
        [picture] = [part for part in prompt if isinstance(part, Image)]
        return np.full((3, 4), int(picture.sha256[:4], 16))

    assert run(Faulty(), hidden=hidden)[TEXT_FIRST] is Outcome.FAILED


def test_another_model_than_the_oracle_fails() -> None:
    assert run(Faulty(), oracle=lambda: Faulty("classes"))[ORACLE] is Outcome.FAILED
    assert run(Faulty(), oracle=lambda: Faulty())[ORACLE] is Outcome.PASSED


def test_a_mock_has_no_oracle() -> None:
    said = load_oracle(MockSpec(), MOCK_INFO)
    assert said == "only the built-in model is held against transformers"
