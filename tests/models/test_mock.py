"""The mock: a pure function of the prompt, and fast."""

import time
from dataclasses import replace

import pytest

from evals.errors import PromptError
from evals.models.mock import MockModel
from evals.types import Decoding, GenerateRequest, Image, LogLikelihoodRequest, Prompt, Text

PROMPT: Prompt = (Text("User:"), Image(b"a picture"), Text("What is it?"))
REQUEST = GenerateRequest("1", PROMPT, Decoding(5))


def test_equal_prompts_get_equal_answers() -> None:
    [first, second, other] = MockModel().generate(
        [REQUEST, replace(REQUEST, id="2"), replace(REQUEST, prompt=(*PROMPT[:2], Text("Where?")))]
    )
    assert replace(second, id="1") == first
    assert first.text
    assert len(first.token_ids) <= 5
    assert first.num_prompt_tokens == MockModel().count_tokens(PROMPT)
    assert (other.text, other.token_ids) != (first.text, first.token_ids)


def test_answers_are_the_same_in_every_process() -> None:
    [answer] = MockModel().generate([REQUEST])
    assert answer.text == "cat"


def test_another_picture_gets_another_score() -> None:
    def score(prompt: Prompt) -> tuple[float, ...]:
        [scored] = MockModel().loglikelihood([LogLikelihoodRequest("", prompt, (" yes", " no"))])
        assert scored.num_tokens == (1, 1)
        return scored.logprobs

    yes, no = score(PROMPT)
    assert yes != no
    assert max(yes, no) <= 0
    assert score(PROMPT) == (yes, no)
    assert score((Text("User:"), Image(b"another"), Text("What is it?"))) != (yes, no)


def test_answers_keep_to_their_limits() -> None:
    [short] = MockModel().generate([replace(REQUEST, decoding=Decoding(1))])
    assert len(short.token_ids) == 1
    assert short.finish_reason == "length"
    with pytest.raises(PromptError, match="request 1"):
        list(MockModel(max_tokens=8).generate([REQUEST]))
    with pytest.raises(PromptError, match="request 1"):
        list(MockModel(max_tokens=8).loglikelihood([LogLikelihoodRequest("1", PROMPT, ("a",))]))


def test_thousands_of_prompts_a_second() -> None:
    picture = Image(b"a picture")
    prompts = [
        GenerateRequest(str(index), (Text(f"number {index}"), picture) * 16, Decoding(5))
        for index in range(2000)
    ]
    start = time.process_time()
    assert len(list(MockModel().generate(prompts))) == 2000
    assert time.process_time() - start < 1
