"""Prompts that differ in everything the model treats differently, and how answers compare."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from evals.types import (
    Decoding,
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    Model,
    Prompt,
    Text,
)


def make_prompts(pictures: Sequence[Image]) -> dict[str, Prompt]:
    one, two, three, four, *_ = pictures
    return {
        "one picture": (one, Text("Question: what is this? Answer:")),
        "text before the first picture": (Text("User:"), two, Text("Describe it.\nAssistant:")),
        "text only": (Text("There is no picture here at all"),),
        "pictures in a row": (one, two, three, Text("Which is the odd one?")),
        "interleaved": (
            Text("Few shots. "),
            *(one, Text("Output: a cat. \n"), two, Text("Output: a dog.</s>")),
            *(three, Text("Output:")),
        ),
        "text after an EOS": (one, Text("seen.</s> not seen"), two, Text("seen</s> nor this")),
        "ends in a picture": (Text("Look:"), four),
        "ends in an EOS": (four, Text("the end</s>")),
        "long": (one, Text("The quick brown fox jumps over the lazy dog. " * 6), two, Text("End")),
        "the same picture twice": (one, Text("first"), one, Text("second")),
    }


def make_requests(pictures: Sequence[Image], *decodings: Decoding) -> list[GenerateRequest]:
    return [
        GenerateRequest(f"{name}, decoding {index}", prompt, decoding)
        for index, decoding in enumerate(decodings)
        for name, prompt in make_prompts(pictures).items()
    ]


def make_scoring(pictures: Sequence[Image], *choices: str) -> list[LogLikelihoodRequest]:
    return [
        LogLikelihoodRequest(name, prompt, choices)
        for name, prompt in make_prompts(pictures).items()
    ]


def answer(model: Model, requests: Iterable[GenerateRequest]) -> dict[str, Generation]:
    return {generation.id: generation for generation in model.generate(requests)}


def assert_equal(
    first: Mapping[str, Generation], second: Mapping[str, Generation], *, tolerance: float
) -> None:
    """All but the log-probabilities must be equal to the last id."""
    assert first.keys() == second.keys()
    for key, one in first.items():
        assert one.logprob == pytest.approx(second[key].logprob, abs=tolerance)
        assert replace(one, logprob=0.0) == replace(second[key], logprob=0.0)
