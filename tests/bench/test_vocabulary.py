"""The tokenizer behaves as LLaMA's, and knows the bench's words whole."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from evals.bench.vocabulary import (
    ADDITIONAL,
    DEMONSTRATION,
    FAKE,
    IMAGE,
    INSTRUCTION,
    SPECIAL,
    ask,
    build_tokenizer,
    list_classes,
)

VOCAB_SIZE = 32000


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer(VOCAB_SIZE)


def test_all_ids_are_taken_and_idefics_own_come_after_them(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size(with_added_tokens=False) == VOCAB_SIZE
    assert [tokenizer.token_to_id(token) for token in SPECIAL] == [0, 1, 2]
    assert [tokenizer.token_to_id(token) for token in ADDITIONAL] == [VOCAB_SIZE, VOCAB_SIZE + 1]
    assert all(tokenizer.id_to_token(index) for index in range(VOCAB_SIZE))


def test_a_newline_is_a_byte_and_a_text_begins_with_a_space(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("Answer: yes\nImage:", add_special_tokens=False)
    assert encoding.tokens == ["▁Answer", ":", "▁yes", "<0x0A>", "Image", ":"]


def has_no_special_token(text: str) -> bool:
    return not any(token in text for token in (*SPECIAL, *ADDITIONAL))


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="▁"), min_size=1).filter(
        has_no_special_token
    )
)
def test_any_text_comes_back(text: str) -> None:
    tokenizer = _cached()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == text


def test_a_demonstration_is_about_as_long_as_idefics_own(tokenizer: Tokenizer) -> None:
    random = Random(0)
    picture = FAKE + IMAGE + FAKE
    lengths = []
    for _ in range(200):
        question, answer = ask(random)
        text = DEMONSTRATION.format(question=question, answer=answer)
        ids = tokenizer.encode(text.replace("<image>", picture), add_special_tokens=False).ids
        lengths.append(len(ids))
    assert min(lengths) >= 19
    assert max(lengths) <= 24
    instruction = len(tokenizer.encode(INSTRUCTION, add_special_tokens=False).ids)
    assert 680 <= 33 * sum(lengths) / len(lengths) + instruction <= 760


def test_classes_differ_and_have_one_to_four_tokens(tokenizer: Tokenizer) -> None:
    classes = list_classes(100)
    assert len(set(classes)) == 100
    assert list_classes(2) == (" yes", " no")
    assert list_classes(7) == classes[:7]
    counts = [len(tokenizer.encode(name.strip()).ids) for name in classes]
    assert {counts.count(length) for length in (1, 2, 3, 4)} == {25}


def test_a_vocabulary_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        build_tokenizer(300)


_BUILT: list[Tokenizer] = []


def _cached() -> Tokenizer:
    """Hypothesis takes no fixture of a narrower scope than its examples."""
    if not _BUILT:
        _BUILT.append(build_tokenizer(VOCAB_SIZE))
    return _BUILT[0]
