"""What a model promises of its answers: whatever breaks it is told, whatever keeps it passes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import ModelError
from evals.models.contract import ask_model, find_feature_problem, pair_features
from evals.models.mock import MOCK_INFO, MockModel
from evals.types import (
    Decoding,
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
    Text,
)

CHOICES = (" yes", " no", " perhaps")
GENERATE = [GenerateRequest(f"q{n}", (Text(f"{n}?"),), Decoding(3)) for n in range(6)]
SCORE = [LogLikelihoodRequest(each.id, each.prompt, CHOICES) for each in GENERATE]
MOCK = MockModel()


def ask(answer: Callable[[Iterable[Any]], Iterator[Any]]) -> list[Generation]:
    return list(ask_model(answer, GENERATE, MOCK_INFO))


@given(order=st.permutations(range(6)), ahead=st.integers(1, 8))
def test_any_order_and_any_reading_ahead_will_do(order: list[int], ahead: int) -> None:
    def answer(requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        iterator = iter(requests)
        while window := list(islice(iterator, ahead)):
            window.sort(key=lambda request: order[int(request.id[1:])])
            yield from MOCK.generate(window)

    answers = ask(answer)
    assert {each.id: each for each in answers} == {
        each.id: each for each in MOCK.generate(GENERATE)
    }


@given(answered=st.lists(st.integers(0, 8), max_size=12))
def test_every_other_set_of_ids_is_told(answered: list[int]) -> None:
    """The first that is wrong is named, and what came before it is yielded."""

    def answer(requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        list(requests)
        [made] = MOCK.generate(GENERATE[:1])
        yield from (replace(made, id=f"q{number}") for number in answered)

    came = []
    if sorted(answered) == list(range(6)):
        came += ask_model(answer, GENERATE, MOCK_INFO)
        assert len(came) == 6
        return
    with pytest.raises(ModelError) as raised:
        came += ask_model(answer, GENERATE, MOCK_INFO)
    message = str(raised.value)
    sound: list[int] = []
    for number in answered:
        if number in sound:
            assert f"model mock (mock): request 'q{number}' is answered twice" in message
            break
        if number > 5:
            assert f"request 'q{number}' is answered, and was never asked" in message
            break
        sound.append(number)
    else:
        assert message.splitlines()[1:] == [f"  - q{n}" for n in range(6) if n not in sound]
    assert [each.id for each in came] == [f"q{number}" for number in sound]
    assert "docs/adding-a-model.md" in message


def test_a_model_that_stops_reading_is_told() -> None:
    def answer(requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        yield from MOCK.generate(islice(requests, 2))

    with pytest.raises(ModelError, match=r"(?s)ended without an answer.*- q2$"):
        ask(answer)


def test_requests_are_read_as_the_model_reads_them() -> None:
    read = []

    def requests() -> Iterator[GenerateRequest]:
        for request in GENERATE:
            read.append(request.id)
            yield request

    next(ask_model(MOCK.generate, requests(), MOCK_INFO))
    assert read == ["q0"]


[GENERATED] = MOCK.generate(GENERATE[:1])
[SCORED] = MOCK.loglikelihood(SCORE[:1])


@pytest.mark.parametrize(
    ("request_", "response", "problem"),
    [
        (GENERATE[0], replace(GENERATED, text=None), "is Generation, and must be .* with a text"),
        (GENERATE[0], replace(GENERATED, logprob=float("nan")), "has logprob of nan"),
        (GENERATE[0], SCORED, "is LogLikelihoods, and must be a Generation"),
        (SCORE[0], GENERATED, "is Generation, and must be LogLikelihoods"),
        (
            SCORE[0],
            replace(SCORED, logprobs=(-1.0, -2.0)),
            "has 2 logprobs, and there are 3 choices",
        ),
        (SCORE[0], replace(SCORED, num_tokens=(1,) * 4), "has 4 num_tokens, and there are 3"),
        (
            SCORE[0],
            replace(SCORED, logprobs=(-1.0, float("-inf"), 0.0)),
            "has logprobs of -1.0, -inf",
        ),
    ],
)
def test_an_answer_that_is_none_is_told(request_: Any, response: Any, problem: str) -> None:
    with pytest.raises(ModelError, match=f"its answer to request 'q0' {problem}"):
        list(ask_model(lambda requests: [response for _ in requests], [request_], MOCK_INFO))


def test_an_answer_without_an_id_was_never_asked() -> None:
    with pytest.raises(ModelError, match="request None is answered, and was never asked"):
        ask(lambda requests: (request.prompt for request in requests))


def test_sound_scores_pass() -> None:
    scored: list[LogLikelihoods] = list(ask_model(MOCK.loglikelihood, SCORE, MOCK_INFO))
    assert scored == list(MOCK.loglikelihood(SCORE))


@pytest.mark.parametrize(
    ("count", "message"), [(1, "gave 1 features for 3"), (4, "gave more features for 3")]
)
def test_too_few_features_and_too_many_are_told(count: int, message: str) -> None:
    came = []
    with pytest.raises(ModelError, match=message):
        came += pair_features("abc", range(count), MOCK_INFO)
    assert came == list(zip("abc", range(count), strict=False))


def test_as_many_features_as_pictures_pass() -> None:
    assert list(pair_features("abc", range(3), MOCK_INFO)) == [("a", 0), ("b", 1), ("c", 2)]


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        (np.array([0.6, 0.8], np.float32), ""),
        (np.array([0.6, 0.8], np.float16), ""),
        (np.array([[0.6, 0.8]], np.float32), "of shape (1, 2)"),
        (np.array([1, 0]), "is int64"),
        (np.array([np.nan, 1.0], np.float32), "is not finite"),
        (np.array([3.0, 4.0], np.float32), "is of length 5"),
    ],
)
def test_a_feature_is_a_finite_vector_of_length_one(feature: Any, problem: str) -> None:
    found = find_feature_problem(feature)
    assert problem in found
    assert bool(found) == bool(problem)
