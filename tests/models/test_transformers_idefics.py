"""The oracle refuses what its processor would silently misread."""

import pytest

from evals.errors import PromptError
from evals.types import Decoding, GenerateRequest, Image, LogLikelihoodRequest, Text
from tests.models.conftest import Pair


@pytest.mark.parametrize(
    ("text", "message"),
    [("see <image>", "for a picture"), ("https://example.org/cat.jpg", "picture's URL")],
)
def test_a_text_that_the_processor_takes_for_a_picture_is_an_error(
    base: Pair, text: str, message: str
) -> None:
    with pytest.raises(PromptError, match=message):
        base.oracle.count_tokens((Text(text),))


def test_its_limits_are_the_built_in_models(base: Pair) -> None:
    assert base.oracle.max_tokens == base.ours.max_tokens
    long = GenerateRequest("long", (Text("0 " * 300),), Decoding(1))
    with pytest.raises(PromptError, match="request long"):
        list(base.oracle.generate([long]))
    choices = LogLikelihoodRequest("long", long.prompt, (" yes",))
    with pytest.raises(PromptError, match="request long"):
        list(base.oracle.loglikelihood([choices]))


def test_it_counts_tokens_as_the_built_in_model_does(base: Pair, pictures: list[Image]) -> None:
    prompt = (Text("User: "), pictures[0], pictures[1], Text(" what?"))
    for bos in (True, False):
        assert base.oracle.count_tokens(prompt, bos=bos) == base.ours.count_tokens(prompt, bos=bos)


def test_urls_are_fetched_only_where_allowed(base: Pair) -> None:
    with pytest.raises(PromptError, match="allow_urls=True"):
        base.oracle.count_tokens((Image("https://example.org/cat.jpg"),))
