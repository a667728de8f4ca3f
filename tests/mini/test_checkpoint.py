"""The committed checkpoint: its files, its size, and that transformers reads it."""

import json

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer, IdeficsForVisionText2Text

from evals.mini.tokenizer import ADDITIONAL
from evals.resources import tiny_checkpoint_dir

FOLDER = tiny_checkpoint_dir()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


@pytest.fixture(scope="module")
def network() -> IdeficsForVisionText2Text:
    return IdeficsForVisionText2Text.from_pretrained(FOLDER, dtype=torch.float32)


def test_it_is_an_idefics_of_about_two_million_parameters_in_a_few_megabytes(
    network: IdeficsForVisionText2Text,
) -> None:
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert 1.5e6 < num_parameters < 3e6
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 10e6


def test_it_has_the_hubs_layout() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((FOLDER / "config.json").read_text())
    assert config["model_type"] == "idefics"
    assert config["architectures"] == ["IdeficsForVisionText2Text"]


def test_its_special_tokens_have_the_ids_that_idefics_gives_them(
    tokenizer: Tokenizer, network: IdeficsForVisionText2Text
) -> None:
    vocab_size = network.config.vocab_size
    assert network.config.additional_vocab_size == len(ADDITIONAL) == 3
    assert tokenizer.get_vocab_size() == vocab_size + 3
    assert [tokenizer.token_to_id(name) for name in ADDITIONAL] == [
        vocab_size,
        vocab_size + 1,
        vocab_size + 2,
    ]
    assert (network.config.bos_token_id, network.config.eos_token_id) == (1, 2)


@pytest.mark.parametrize(
    "text",
    ["Answer: yes", "two\nlines", "naïve café, 42 €", "日本語", "\t tabs  and   spaces ", "🙂"],
)
def test_any_text_comes_back_as_it_was(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == text


def test_transformers_tokenizer_gives_the_same_ids(tokenizer: Tokenizer) -> None:
    text = "<s>Image:<fake_token_around_image><image><fake_token_around_image>Answer: red 42\n"
    theirs = AutoTokenizer.from_pretrained(FOLDER)
    assert (
        theirs(text, add_special_tokens=False)["input_ids"]
        == tokenizer.encode(text, add_special_tokens=False).ids
    )


def test_its_gates_are_open_so_that_pictures_matter(network: IdeficsForVisionText2Text) -> None:
    for layer in network.model.gated_cross_attn_layers:
        assert layer.alpha_cross_attn.tanh().abs().item() > 0.05
