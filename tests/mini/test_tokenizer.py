from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from evals.mini.tokenizer import ADDITIONAL, VOCAB_SIZE, save_tokenizer, train_tokenizer

TEXTS = ["Question: What color is the star? Answer: red\n", "Which fruit has this color? limes 42"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS * 20)


def encode(tokenizer: Tokenizer, text: str) -> list[str]:
    return list(tokenizer.encode(text, add_special_tokens=False).tokens)


def test_special_tokens_stand_where_llama_and_idefics_have_them(tokenizer: Tokenizer) -> None:
    assert [tokenizer.token_to_id(name) for name in ("<unk>", "<s>", "</s>")] == [0, 1, 2]
    assert tokenizer.token_to_id("<0x0A>") == 13
    size = tokenizer.get_vocab_size() - len(ADDITIONAL)
    assert size <= VOCAB_SIZE
    assert [tokenizer.token_to_id(name) for name in ADDITIONAL] == [size, size + 1, size + 2]


def test_a_newline_alone_is_the_pair_that_llama_writes(tokenizer: Tokenizer) -> None:
    assert encode(tokenizer, "\n") == ["▁", "<0x0A>"]
    assert encode(tokenizer, "red\n")[-1] == "<0x0A>"


def test_words_are_whole_and_digits_apart(tokenizer: Tokenizer) -> None:
    assert encode(tokenizer, "Answer: red") == ["▁Answer", ":", "▁red"]
    assert encode(tokenizer, "limes 42") == ["▁limes", "▁", "4", "2"]


@pytest.mark.parametrize("answer", ["red", "42", "what?", "Émile's"])
def test_an_answer_is_tokenised_alike_alone_and_after_its_prompt(
    tokenizer: Tokenizer, answer: str
) -> None:
    prompt = encode(tokenizer, "Question: What? Answer:")
    assert encode(tokenizer, f"Question: What? Answer: {answer}") == prompt + encode(
        tokenizer, answer
    )


@given(text=st.text())
def test_any_text_comes_back_as_it_was(tokenizer: Tokenizer, text: str) -> None:
    # "▁" is how a space is written inside, as in LLaMA; special tokens are not text.
    text = "".join("_" if letter == "▁" else letter for letter in text if letter not in "<>")
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == text
    assert 0 not in ids


def test_what_is_saved_reads_back_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_tokenizer(tokenizer, tmp_path)
    again = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert again.to_str() == tokenizer.to_str()
