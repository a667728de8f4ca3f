"""What nobody may find in a file."""

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from evals.secrets import HIDDEN, hide_secrets, shield_overrides


@pytest.mark.parametrize(
    ("value", "public"),
    [
        ({"api_key": "abc"}, {"api_key": HIDDEN}),
        ({"model": {"auth-token": "abc"}}, {"model": {"auth-token": HIDDEN}}),
        ({"HF_TOKEN": "abc"}, {"HF_TOKEN": HIDDEN}),
        (["https://me:abc@host/data"], [f"https://{HIDDEN}@host/data"]),
        (
            "https://host/a.jpg?size=2&X-Amz-Signature=abc#top",
            f"https://host/a.jpg?size=2&X-Amz-Signature={HIDDEN}#top",
        ),
        ("with hf_abcdefghijklmnopqrst inside", f"with {HIDDEN} inside"),
        (("a", 1), ["a", 1]),
    ],
)
def test_a_secret_is_known_by_its_name_its_place_or_its_form(value: Any, public: Any) -> None:
    assert hide_secrets(value) == public


@pytest.mark.parametrize(
    "value",
    [
        {"max_new_tokens": 15, "tokenizer": "llama", "eos": "</s>", "token": None, "secret": ""},
        {"end_of_chunk": "<|endofchunk|>", "author": "somebody", "num_tokens": "3"},
        "https://host/a@2x.jpg?size=2",
        "me@host, sk-1, hf_short",
    ],
)
def test_what_only_looks_like_one_stays(value: Any) -> None:
    assert hide_secrets(value) == value


def test_the_value_of_a_secret_variable_is_found_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "correct-horse")
    monkeypatch.setenv("MY_PASSWORD", "short")
    monkeypatch.setenv("MY_NAME", "battery-staple")
    text = "a/correct-horse/b short battery-staple"
    assert hide_secrets({"data_dir": text}) == {"data_dir": f"a/{HIDDEN}/b short battery-staple"}


def test_where_the_user_works_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PWD", "/home/somebody/work")
    assert hide_secrets("/home/somebody/work/data") == "/home/somebody/work/data"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc _-", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz"), inner, max_size=3),
)


@given(json_values)
def test_values_without_secrets_come_back_as_they_were(value: Any) -> None:
    assert hide_secrets(value) == value


def test_secrets_of_the_command_line_move_into_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(4):
        monkeypatch.delenv(f"EVALS_SECRET_{number}", raising=False)
    words = [
        "task=okvqa",
        "+model.api_key='abc=def'",
        "-m",
        "model.urls=[https://me:abc@host/a,https://host/b]",
    ]
    shielded = shield_overrides(words)
    assert [shielded[0], shielded[2]] == ["task=okvqa", "-m"]
    assert "abc" not in " ".join(shielded)
    filled = OmegaConf.from_dotlist([word.lstrip("+") for word in (shielded[1], shielded[3])])
    assert filled.model.api_key == "abc=def"
    assert list(filled.model.urls) == ["https://me:abc@host/a", "https://host/b"]
    for name in [name for name in os.environ if name.startswith("EVALS_SECRET_")]:
        monkeypatch.delenv(name)
