"""Requests in, responses out: batches, windows, limits."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PilImages
from torch import Tensor

from evals.errors import PromptError
from evals.models.idefics.attention import KeyValues
from evals.models.idefics.cache import CacheMemory
from evals.models.idefics.engine import WINDOW, IdeficsModel
from evals.models.idefics.limits import Limits
from evals.models.idefics.model import Idefics
from evals.models.idefics.schedule import Budget
from evals.models.idefics.weights import load_weights
from evals.models.specs import IdeficsSpec
from evals.prompts import build_prompt
from evals.types import (
    Decoding,
    GenerateRequest,
    Image,
    LogLikelihoodRequest,
    Text,
)
from tests.models.conftest import Pair, as_png
from tests.models.idefics.prompts import answer, assert_equal, make_requests, make_scoring

CPU = torch.device("cpu")
DECODINGS = (
    Decoding(8, eos=tuple(range(3, 400, 6))),
    Decoding(5, num_beams=3, eos=tuple(range(3, 400, 40))),
    Decoding(3, forbidden=()),
)


def limit(model: IdeficsModel, *, rows: int, tokens: int = 4096, pack: int = 512) -> IdeficsModel:
    return replace(model, limits=Limits(Budget(rows, tokens, pack), image_bytes=10**6))


@pytest.mark.parametrize(("rows", "tokens", "pack"), [(2, 100, 30), (8, 300, 512), (64, 9999, 40)])
def test_an_answer_depends_neither_on_the_budget_nor_on_order(
    instruct: Pair, pictures: list[Image], rows: int, tokens: int, pack: int
) -> None:
    requests = make_requests(pictures, *DECODINGS)
    alone = answer(limit(instruct.ours, rows=1), requests)
    random.Random(rows).shuffle(requests)
    together = answer(limit(instruct.ours, rows=rows, tokens=tokens, pack=pack), requests)
    assert_equal(alone, together, tolerance=1e-5)


@pytest.mark.parametrize("decoding", DECODINGS)
def test_prompts_that_share_a_prefix_are_answered_as_each_alone(
    pair: Pair, pictures: list[Image], decoding: Decoding
) -> None:
    requests = make_shared(pictures, decoding)
    alone = [answer(pair.ours, [request]) for request in requests]
    assert not pair.ours.prefixes
    together = answer(pair.ours, requests)
    assert [prefix.num_tokens > 40 for prefix in pair.ours.prefixes.values()] == [True]
    assert_equal({k: v for one in alone for k, v in one.items()}, together, tolerance=1e-5)
    assert_equal(answer(pair.oracle, requests), together, tolerance=1e-4)
    pair.ours.prefixes.clear()


def test_choices_of_prompts_that_share_a_prefix_score_as_each_alone(
    pair: Pair, pictures: list[Image]
) -> None:
    choices = (" yes", " no longer", " a much longer choice", " a cat</s> and", "s")
    requests = [
        LogLikelihoodRequest(request.id, request.prompt, choices[: 2 + index % 4])
        for index, request in enumerate(make_shared(pictures, Decoding(1)))
    ]
    together = {each.id: each for each in pair.ours.loglikelihood(requests)}
    assert pair.ours.prefixes
    pair.ours.prefixes.clear()
    for theirs in pair.oracle.loglikelihood(requests):
        assert together[theirs.id].logprobs == pytest.approx(theirs.logprobs, abs=1e-4)
        [alone] = pair.ours.loglikelihood([r for r in requests if r.id == theirs.id])
        assert together[theirs.id].logprobs == pytest.approx(alone.logprobs, rel=1e-6, abs=1e-5)


def make_shared(pictures: list[Image], decoding: Decoding) -> list[GenerateRequest]:
    """Two demonstrations that all have, and queries of all sorts: one, two or no pictures."""
    shown = (
        Text("Few shots."),
        *(pictures[0], Text("Question: what is this thing in the picture? Answer: a cat.")),
        *(pictures[1], Text("Question: what is this thing in the picture? Answer: a dog.")),
    )
    queries = [
        (*(pictures[2 + index % 5],) * (index % 3), Text(f"Question: {index}? Answer:"))
        for index in range(12)
    ]
    return [
        GenerateRequest(str(index), build_prompt((*shown, *query)), decoding)
        for index, query in enumerate(queries)
    ]


class Exhaustible(Idefics):
    """A network whose device has memory for so many tokens in one pass, and no more."""

    room = 60

    def forward(self, ids: Tensor, *others: Any, **more: Any) -> Tensor:
        if len(ids) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(ids, *others, **more)


@pytest.mark.parametrize("decoding", DECODINGS)
def test_out_of_memory_halves_the_budget_and_loses_nothing(
    base: Pair, pictures: list[Image], decoding: Decoding
) -> None:
    requests = make_requests(pictures, decoding)
    requests = [each for each in requests if base.ours.count_tokens(each.prompt) <= 60]
    network = load_weights(
        base.folder, base.ours.network.config, device=CPU, dtype=torch.float32, kind=Exhaustible
    )
    model = replace(limit(base.ours, rows=64), network=network)
    model = replace(model, memory=replace(model.memory, model=network))
    assert_equal(answer(model, requests), answer(base.ours, requests), tolerance=1e-5)
    assert model.limits.budget.rows < 64
    assert model.notes[0].startswith("memory ran out")


class Scarce(CacheMemory):
    """Memory that others hold when the first batches ask for it."""

    num_refused = 0

    def divide(self, num_rows: int, num_tokens: int) -> list[KeyValues]:
        if self.num_refused < 2:
            self.num_refused += 1
            raise torch.OutOfMemoryError("out of memory")
        return super().divide(num_rows, num_tokens)


@pytest.mark.parametrize("decoding", DECODINGS)
def test_memory_that_runs_out_as_a_batch_is_opened_halves_the_budget_too(
    base: Pair, pictures: list[Image], decoding: Decoding
) -> None:
    requests = make_requests(pictures, decoding)
    scarce = Scarce(base.ours.network.cache_shape)
    model = limit(base.ours, rows=64)
    model = replace(model, memory=replace(model.memory, prompts=scarce))
    assert_equal(answer(model, requests), answer(base.ours, requests), tolerance=1e-5)
    assert (scarce.num_refused, model.limits.budget.rows) == (2, 16)


def test_what_is_let_go_of_is_not_taken_again(base: Pair) -> None:
    memory = CacheMemory(base.ours.network.cache_shape)
    held = memory.divide(2, 3)[0].keys
    assert memory.divide(2, 3)[0].keys.data_ptr() == held.data_ptr()
    memory.release()
    assert memory.divide(2, 3)[0].keys.data_ptr() != held.data_ptr()


class Counted(CacheMemory):
    """Memory for batches that says how many tokens it has room for."""

    num_tokens = 0

    def divide(self, num_rows: int, num_tokens: int) -> list[KeyValues]:
        self.num_tokens = max(self.num_tokens, num_rows * num_tokens)
        return super().divide(num_rows, num_tokens)

    def release(self) -> None:
        self.num_tokens = 0
        super().release()


class Crowded(Idefics):
    """A network whose device has memory for so many tokens, those of batches among them."""

    room = 1000
    batches: Counted

    def forward(self, ids: Tensor, *others: Any, **more: Any) -> Tensor:
        if self.batches.num_tokens + len(ids) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(ids, *others, **more)


def load_other(pair: Pair, network: Idefics) -> IdeficsModel:
    """Load the checkpoint once more, with a network of its own."""
    model = IdeficsSpec(str(pair.folder), device="cpu", num_workers=0).load()
    batches = Counted(network.cache_shape)
    memory = replace(model.memory, model=network, prompts=batches)
    return replace(model, network=network, memory=memory)


def load_crowded(pair: Pair) -> tuple[IdeficsModel, Crowded]:
    config = pair.ours.network.config
    network = load_weights(pair.folder, config, device=CPU, dtype=torch.float32, kind=Crowded)
    assert isinstance(network, Crowded)
    model = load_other(pair, network)
    assert isinstance(model.memory.prompts, Counted)
    network.batches = model.memory.prompts
    return model, network


@pytest.mark.parametrize("kind", ["answers", "scores"])
def test_where_a_prefix_has_no_memory_batches_let_go_of_theirs(
    base: Pair, pictures: list[Image], kind: str
) -> None:
    model, network = load_crowded(base)
    network.batches.divide(10, 100)
    if kind == "answers":
        requests = make_shared(pictures, Decoding(4))
        assert_equal(answer(model, requests), answer(base.ours, requests), tolerance=1e-5)
    else:
        asked = [
            LogLikelihoodRequest(each.id, each.prompt, (" yes", " no longer"))
            for each in make_shared(pictures, Decoding(1))
        ]
        ours = {each.id: each.logprobs for each in model.loglikelihood(asked)}
        for theirs in base.ours.loglikelihood(asked):
            assert ours[theirs.id] == pytest.approx(theirs.logprobs, abs=1e-5)
    base.ours.prefixes.clear()
    assert model.notes[0].startswith("memory ran out")
    assert len(model.prefixes) == 1


def test_a_prefix_that_there_is_never_memory_for_is_an_error(
    base: Pair, pictures: list[Image]
) -> None:
    model, network = load_crowded(base)
    network.room = 20
    with pytest.raises(torch.OutOfMemoryError):
        answer(model, make_shared(pictures, Decoding(4)))
    assert not model.prefixes


@pytest.mark.parametrize("kind", ["answers", "scores"])
def test_a_batch_that_memory_ran_out_in_leaves_none_to_the_next(
    base: Pair, pictures: list[Image], kind: str
) -> None:
    """The first takes all there is for its tokens, and has none to read them."""
    model, network = load_crowded(base)
    model, network.room = limit(model, rows=64), 400
    fitting = [
        each
        for each in make_requests(pictures, Decoding(4))
        if base.ours.count_tokens(each.prompt) <= 60
    ]
    if kind == "answers":
        assert_equal(answer(model, fitting), answer(base.ours, fitting), tolerance=1e-5)
    else:
        asked = [LogLikelihoodRequest(each.id, each.prompt, (" yes", " a b")) for each in fitting]
        assert len(list(model.loglikelihood(asked))) == len(asked)
    assert 1 < model.limits.budget.rows < 64


class Blinking(Idefics):
    """A network whose device has memory for so many pictures together."""

    room = 3

    def pool_images(self, pixels: Tensor) -> Tensor:
        if len(pixels) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return super().pool_images(pixels)


def test_where_memory_runs_out_features_are_found_of_fewer_pictures_together(
    base: Pair, pictures: list[Image]
) -> None:
    config = base.ours.network.config
    network = load_weights(base.folder, config, device=CPU, dtype=torch.float32, kind=Blinking)
    assert isinstance(network, Blinking)
    model = load_other(base, network)
    pairs = zip(model.image_features(pictures), base.ours.image_features(pictures), strict=True)
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, abs=1e-6)
    assert model.pictures.batch_size == 2
    network.room = 0
    with pytest.raises(torch.OutOfMemoryError):
        list(model.image_features(pictures))


def test_memory_that_is_not_enough_for_one_prompt_is_an_error(
    base: Pair, pictures: list[Image]
) -> None:
    network = load_weights(
        base.folder, base.ours.network.config, device=CPU, dtype=torch.float32, kind=Exhaustible
    )
    model = limit(base.ours, rows=8)
    model = replace(model, memory=replace(model.memory, model=network))
    with pytest.raises(torch.OutOfMemoryError):
        answer(model, make_requests(pictures, Decoding(2)))
    assert model.limits.budget.rows == 1


def test_scores_depend_neither_on_the_budget_nor_on_order(
    instruct: Pair, pictures: list[Image]
) -> None:
    requests = make_scoring(pictures, " yes", " no longer", " a", " the quick brown fox")
    alone = {r.id: r for r in limit(instruct.ours, rows=1).loglikelihood(requests)}
    small = limit(instruct.ours, rows=3, tokens=200, pack=40)
    together = {r.id: r for r in small.loglikelihood(reversed(requests))}
    assert alone.keys() == together.keys()
    for key, one in alone.items():
        assert one.logprobs == pytest.approx(together[key].logprobs, abs=1e-5)
        assert one.num_tokens == together[key].num_tokens


def test_requests_are_read_only_two_windows_ahead(base: Pair, pictures: list[Image]) -> None:
    read = []

    def requests() -> Iterator[GenerateRequest]:
        for index in range(5 * WINDOW):
            read.append(index)
            yield GenerateRequest(str(index), (Text(f"number {index}"),), Decoding(1))

    next(iter(base.ours.generate(requests())))
    assert len(read) == 2 * WINDOW


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
