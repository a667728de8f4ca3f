"""Ours against transformers on random checkpoints, both through their production loaders."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from evals.models.idefics.attention import ReadRuns
from evals.models.idefics.engine import IdeficsModel
from evals.models.idefics.packing import lay_out, look
from evals.types import Decoding, Image, Prompt
from tests.models.conftest import Pair, load_both
from tests.models.idefics.prompts import (
    answer,
    assert_equal,
    make_prompts,
    make_requests,
    make_scoring,
)

FREQUENT_EOS = tuple(range(3, 400, 6))
MOSTLY_EOS = tuple(index for index in range(3, 400) if index % 6)
SOME_EOS = tuple(range(3, 400, 40))


@torch.inference_mode()
def our_logits(model: IdeficsModel, prompts: Sequence[Prompt]) -> list[Tensor]:
    """Read prompts in one pass; return (s, v) for each."""
    encoded = [model.tokenizer.encode(prompt) for prompt in prompts]
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index].ids))
    rows = lay_out([encoded[index] for index in order], [0] * len(order))
    hidden = model.network(
        torch.tensor(rows.ids),
        torch.tensor(rows.positions),
        ReadRuns(rows.runs),
        look(rows, model.network, model.memory.projections),
    )
    parts = model.network.logits(hidden).split([len(encoded[index].ids) for index in order])
    return [parts[order.index(index)] for index in range(len(order))]


@torch.inference_mode()
def oracle_logits(pair: Pair, prompts: Sequence[Prompt]) -> list[Tensor]:
    """Read prompts as one batch, padded on the left as its processor does."""
    pieces = [
        [part.source if isinstance(part, Image) else part.text for part in prompt]
        for prompt in prompts
    ]
    inputs = pair.oracle.processor(
        text=pieces, add_end_of_utterance_token=False, padding="longest", return_tensors="pt"
    )
    logits = pair.oracle.network(**inputs).logits
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    return [logits[row, -length:] for row, length in enumerate(lengths)]


def test_logits_equal_those_of_a_left_padded_transformers_batch(
    pair: Pair, pictures: list[Image]
) -> None:
    prompts = list(make_prompts(pictures).values())
    for ours, theirs in zip(
        our_logits(pair.ours, prompts), oracle_logits(pair, prompts), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_strays_no_further_than_transformers_does(
    instruct: Pair, pictures: list[Image], dtype: str
) -> None:
    prompts = list(make_prompts(pictures).values())
    exact = torch.cat(oracle_logits(instruct, prompts))
    half = load_both(instruct.folder, dtype=dtype)
    ours = torch.cat(our_logits(half.ours, prompts)) - exact
    theirs = torch.cat(oracle_logits(half, prompts)).float() - exact
    assert 0 < ours.abs().mean() < 1.2 * theirs.abs().mean()


def test_swapping_a_picture_moves_the_logits(pair: Pair, pictures: list[Image]) -> None:
    """Without this, parity would say nothing about pictures."""
    prompt = make_prompts(pictures)["interleaved"]
    for place, segment in enumerate(prompt):
        if isinstance(segment, Image):
            swapped = (*prompt[:place], pictures[7], *prompt[place + 1 :])
            one, other = our_logits(pair.ours, [prompt, swapped])
            assert (one[-1] - other[-1]).abs().max() > 0.1


DECODINGS = {
    "greedy": Decoding(10),
    "greedy, frequent EOS": Decoding(10, eos=FREQUENT_EOS),
    "greedy, nothing forbidden": Decoding(10, forbidden=()),
    "beams": Decoding(8, num_beams=3),
    "beams, some EOS": Decoding(8, num_beams=3, eos=SOME_EOS),
    "beams, frequent EOS": Decoding(8, num_beams=3, eos=FREQUENT_EOS),
    "beams, mostly EOS": Decoding(8, num_beams=3, eos=MOSTLY_EOS, length_penalty=3.0),
    "beams, no length penalty": Decoding(8, num_beams=3, eos=SOME_EOS, length_penalty=0.0),
    "beams, short answers": Decoding(8, num_beams=3, eos=SOME_EOS, length_penalty=-1.0),
    "beams, long answers": Decoding(8, num_beams=3, eos=SOME_EOS, length_penalty=2.0),
    "beams, early stopping": Decoding(8, num_beams=3, eos=FREQUENT_EOS, early_stopping=True),
    "beams, early stopping, short": Decoding(
        8, num_beams=3, eos=SOME_EOS, length_penalty=-0.5, early_stopping=True
    ),
}


@pytest.mark.parametrize("name", DECODINGS)
def test_answers_equal_transformers(pair: Pair, pictures: list[Image], name: str) -> None:
    requests = make_requests(pictures, DECODINGS[name])
    ours, theirs = answer(pair.ours, requests), answer(pair.oracle, requests)
    assert_equal(ours, theirs, tolerance=1e-4)


def test_these_decodings_end_in_every_way(base: Pair, pictures: list[Image]) -> None:
    """A random model seldom emits one EOS; the table above must not be about lengths only."""
    reasons = {
        name: {one.finish_reason for one in answer(base.ours, requests).values()}
        for name, decoding in DECODINGS.items()
        for requests in [make_requests(pictures, decoding)]
    }
    assert "length" in reasons["greedy"]
    assert all("eos" in found for name, found in reasons.items() if "short" in name)
    assert all("eos" in found for name, found in reasons.items() if "frequent" in name)


def test_choices_score_as_a_naive_reading_of_each_whole_text(
    pair: Pair, pictures: list[Image]
) -> None:
    requests = make_scoring(pictures, " yes", " no", " a much longer choice", "s", " yes")
    theirs = {scored.id: scored for scored in pair.oracle.loglikelihood(requests)}
    scored = list(pair.ours.loglikelihood(requests))
    assert {response.id for response in scored} == set(theirs)
    for ours in scored:
        assert ours.logprobs == pytest.approx(theirs[ours.id].logprobs, abs=1e-4)
        assert ours.num_tokens == theirs[ours.id].num_tokens
        assert ours.num_prompt_tokens == theirs[ours.id].num_prompt_tokens


@pytest.mark.parametrize("decoding", [Decoding(6), Decoding(6, num_beams=3)])
def test_prompts_without_bos_equal_transformers(
    base: Pair, pictures: list[Image], decoding: Decoding
) -> None:
    requests = [replace(request, bos=False) for request in make_requests(pictures, decoding)]
    ours, theirs = answer(base.ours, requests), answer(base.oracle, requests)
    assert_equal(ours, theirs, tolerance=1e-4)


def test_features_equal_transformers(pair: Pair, pictures: list[Image]) -> None:
    features = zip(
        pair.ours.image_features(pictures), pair.oracle.image_features(pictures), strict=True
    )
    for ours, theirs in features:
        assert ours == pytest.approx(theirs, abs=1e-5)
        assert float(ours @ ours) == pytest.approx(1, abs=1e-5)
