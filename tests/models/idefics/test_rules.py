"""What ends an answer, and what must not be in it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from evals.errors import PromptError
from evals.types import (
    Decoding,
    GenerateRequest,
    Image,
    Prompt,
    Text,
)
from tests.models.conftest import Pair, load_both
from tests.models.idefics.prompts import answer, assert_equal, make_requests


@pytest.mark.parametrize(
    "decoding",
    [Decoding(0), Decoding(1, num_beams=0), Decoding(1, stop=("",)), Decoding(1, forbidden=("",))],
)
def test_a_senseless_decoding_is_an_error(base: Pair, decoding: Decoding) -> None:
    with pytest.raises(PromptError):
        list(base.ours.generate([GenerateRequest("", (Text("a"),), decoding)]))


def test_a_greedy_answer_ends_with_its_first_stop_string(base: Pair, pictures: list[Image]) -> None:
    prompt: Prompt = (pictures[0], Text("Question: what is this? Answer:"))
    [free] = base.ours.generate([GenerateRequest("", prompt, Decoding(20))])
    stop = free.text[3:5]
    decoding = Decoding(20, stop=("never said", stop))
    [stopped] = base.ours.generate([GenerateRequest("", prompt, decoding)])
    assert stopped.finish_reason == "stop"
    assert len(stopped.token_ids) < len(free.token_ids)
    assert stopped.token_ids == free.token_ids[: len(stopped.token_ids)]
    assert stop in stopped.text
    assert stop not in base.ours.tokenizer.decode(stopped.token_ids[:-1])
    [theirs] = base.oracle.generate([GenerateRequest("", prompt, decoding)])
    assert replace(stopped, logprob=0.0) == replace(theirs, logprob=0.0)


def test_a_special_token_can_be_a_stop_string(
    instruct: Pair, pictures: list[Image], tmp_path: Path
) -> None:
    """Instruct checkpoints end an answer with <end_of_utterance>, which the text leaves out."""
    end = instruct.ours.network.config.total_vocab_size - 1
    folder = tmp_path / "eager"
    shutil.copytree(instruct.folder, folder)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.additional_fc.weight"] *= 50
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    decoding = Decoding(30, stop=("<end_of_utterance>",))
    answers = answer(load_both(folder).ours, make_requests(pictures, decoding))
    stopped = [one for one in answers.values() if one.finish_reason == "stop"]
    assert stopped
    for one in stopped:
        assert one.token_ids[-1] == end
        assert "<end_of_utterance>" not in one.text


def test_beams_are_not_steered_by_stop_strings(base: Pair, pictures: list[Image]) -> None:
    prompt: Prompt = (pictures[0], Text("Answer:"))
    [free] = base.ours.generate([GenerateRequest("", prompt, Decoding(8, num_beams=3))])
    decoding = Decoding(8, num_beams=3, stop=(free.text[2:4],))
    [stopped] = base.ours.generate([GenerateRequest("", prompt, decoding)])
    assert stopped == free


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_forbidden_sequence_is_never_generated_nor_begun_in_the_prompt(
    base: Pair, pictures: list[Image], num_beams: int
) -> None:
    prompt: Prompt = (pictures[0], Text("Question: what"))
    decoding = Decoding(10, num_beams=num_beams)
    [free] = base.ours.generate([GenerateRequest("", prompt, decoding)])
    pair = base.ours.tokenizer.decode(free.token_ids[3:5])
    first = base.ours.tokenizer.tokenizer.id_to_token(free.token_ids[0])
    assert first is not None
    across = "what" + first.replace("▁", " ")
    forbidden = replace(decoding, forbidden=(pair, across, "e"))
    [ours] = base.ours.generate([GenerateRequest("", prompt, forbidden)])
    [theirs] = base.oracle.generate([GenerateRequest("", prompt, forbidden)])
    assert replace(ours, logprob=0.0) == replace(theirs, logprob=0.0)
    assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)
    for sequence in base.ours.tokenizer.encode_forbidden(forbidden.forbidden):
        size = len(sequence)
        starts = range(len(ours.token_ids) - size + 1)
        assert all(ours.token_ids[start : start + size] != sequence for start in starts)


def test_an_eos_is_never_forbidden(base: Pair, pictures: list[Image]) -> None:
    tokenizer = base.ours.tokenizer
    free = answer(base.ours, make_requests(pictures, Decoding(8)))
    ids = {token for generation in free.values() for token in generation.token_ids}
    spelt = {token: tokenizer.decode([token]) for token in ids if tokenizer.decode([token])}
    single = {
        token: text
        for token, text in spelt.items()
        if tokenizer.encode_forbidden([text]) == ((token,),)
    }
    decoding = Decoding(20, eos=tuple(single), forbidden=tuple(single.values()))
    requests = make_requests(pictures, decoding)
    answers = answer(base.ours, requests)
    assert "eos" in {generation.finish_reason for generation in answers.values()}
    assert_equal(answers, answer(base.oracle, requests), tolerance=1e-4)
