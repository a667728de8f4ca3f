"""Requests in, responses out: batches, windows, limits."""

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PilImages

from evals.errors import PromptError
from evals.models.idefics.engine import WINDOW_BATCHES
from evals.types import (
    Decoding,
    GenerateRequest,
    Image,
    LogLikelihoodRequest,
    Text,
)
from tests.models.conftest import Pair, as_png
from tests.models.idefics.prompts import answer, assert_equal, make_requests, make_scoring

DECODINGS = (
    Decoding(8, eos=tuple(range(3, 400, 6))),
    Decoding(5, num_beams=3, eos=tuple(range(3, 400, 40))),
    Decoding(3, forbidden=()),
)


@pytest.mark.parametrize("batch_size", [2, 8])
def test_an_answer_depends_neither_on_batch_size_nor_on_order(
    instruct: Pair, pictures: list[Image], batch_size: int
) -> None:
    requests = make_requests(pictures, *DECODINGS)
    alone = answer(replace(instruct.ours, batch_size=1), requests)
    random.Random(batch_size).shuffle(requests)
    together = answer(replace(instruct.ours, batch_size=batch_size), requests)
    assert_equal(alone, together, tolerance=1e-5)


def test_scores_depend_neither_on_batch_size_nor_on_order(
    instruct: Pair, pictures: list[Image]
) -> None:
    requests = make_scoring(pictures, " yes", " no longer", " a", " the quick brown fox")
    alone = {r.id: r for r in replace(instruct.ours, batch_size=1).loglikelihood(requests)}
    together = {r.id: r for r in instruct.ours.loglikelihood(reversed(requests))}
    assert alone.keys() == together.keys()
    for key, one in alone.items():
        assert one.logprobs == pytest.approx(together[key].logprobs, abs=1e-5)
        assert one.num_tokens == together[key].num_tokens


def test_requests_are_read_only_a_window_ahead(base: Pair, pictures: list[Image]) -> None:
    read = []

    def requests() -> Iterator[GenerateRequest]:
        for index in range(1000):
            read.append(index)
            yield GenerateRequest(str(index), (Text(f"number {index}"),), Decoding(1))

    next(replace(base.ours, batch_size=2).generate(requests()))
    assert len(read) == 2 * WINDOW_BATCHES


def test_a_picture_is_read_once_a_window_however_often_it_is_shown(base: Pair) -> None:
    data = (np.arange(12 * 12 * 3) % 256).astype(np.uint8).reshape(12, 12, 3)
    encoded = as_png(PilImages.fromarray(data))
    reads = []

    def read() -> bytes:
        reads.append(1)
        return encoded

    images = [Image(read, name=f"copy {index}") for index in range(6)]
    requests = [
        GenerateRequest(str(index), (image, Text("x")), Decoding(1))
        for index, image in enumerate(images)
    ]
    assert len(answer(base.ours, requests)) == 6
    # Each copy is hashed once, and one of them decoded.
    assert len(reads) == len(images) + 1


def test_prompts_too_long_are_listed_with_their_lengths(base: Pair) -> None:
    requests = [
        GenerateRequest("short", (Text("a"),), Decoding(5)),
        GenerateRequest("long", (Text("0 " * 300),), Decoding(5)),
        GenerateRequest("empty", (), Decoding(5), bos=False),
    ]
    num_tokens = base.ours.count_tokens(requests[1].prompt)
    with pytest.raises(PromptError) as raised:
        list(base.ours.generate(requests))
    assert f"request long: its prompt has {num_tokens} tokens" in str(raised.value)
    assert "256" in str(raised.value)
    assert "request empty" in str(raised.value)
    assert "request short" not in str(raised.value)


def test_a_prompt_may_fill_the_model_to_its_limit(base: Pair) -> None:
    prompt = (Text("0 " * 80),)
    room = base.ours.max_tokens - base.ours.count_tokens(prompt)
    [full] = base.ours.generate([GenerateRequest("", prompt, Decoding(room))])
    assert full.num_prompt_tokens + room == base.ours.max_tokens
    with pytest.raises(PromptError, match="reads 256 in all"):
        list(base.ours.generate([GenerateRequest("", prompt, Decoding(room + 1))]))


def test_choices_too_long_are_listed(base: Pair) -> None:
    request = LogLikelihoodRequest("x", (Text("Answer:"),), (" yes", " 0" * 300))
    with pytest.raises(PromptError, match="request x"):
        list(base.ours.loglikelihood([request]))


@pytest.mark.parametrize("choices", [(), ("yes", " "), ("",)])
def test_a_choice_of_nothing_is_an_error(base: Pair, choices: tuple[str, ...]) -> None:
    request = LogLikelihoodRequest("x", (Text("Answer:"),), choices)
    with pytest.raises(PromptError, match="request x: choices must"):
        list(base.ours.loglikelihood([request]))
