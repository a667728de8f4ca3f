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
        ({"model.password": 12345}, {"model.password": HIDDEN}),
        ({"tasks": {"mine": {"authToken": "abc"}}}, {"tasks": {"mine": {"authToken": HIDDEN}}}),
        ({"credentials": {"user": ["me", 1]}}, {"credentials": {"user": [HIDDEN, HIDDEN]}}),
        ({"headers": ["Cookie: a=b", "Accept: c"]}, {"headers": [HIDDEN, "Accept: c"]}),
        ({"model": {"headers": {"X-Token": "ab"}}}, {"model": {"headers": {"X-Token": HIDDEN}}}),
        ("Authorization: Basic bWU6YWJj", f"Authorization: Basic {HIDDEN}"),
        ({"tasks.mine.my_token": "0a1b2c3d4e5f60718293"}, {"tasks.mine.my_token": HIDDEN}),
        ("https://me:a@b@host/data", f"https://{HIDDEN}@host/data"),
        ({"https://me:abc@host": 1}, {f"https://{HIDDEN}@host": 1}),
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
        {"image_token": "<image>", "pad_token": "pad", "fake_token_around_image": "2 words"},
        {"token": "<image>", "tasks": {"mine": {"token": "image", "answer_key": "answer_2"}}},
        {"model": {"api_key": "${oc.env:MY_KEY}", "password": True, "eos_token": "</s>"}},
        {"tasks": {"secret": {"split": "val"}}, "protocol": {"headline": {"auth": "official"}}},
        {"files": {"/data/my_key": "0a1b2c3d4e5f60718293"}},
        "https://host/a@2x.jpg?size=2",
        "me@host, sk-1, hf_short, sk-learn-classification-models",
        "the bearer brought it: Authorization: none",
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
    for number in range(6):
        monkeypatch.delenv(f"EVALS_SECRET_{number}", raising=False)
    words = [
        "task=okvqa",
        "+model.api_key='abc=def'",
        "-m",
        "model.urls=[https://me:abc@host/a,https://host/b]",
        "+model.client={password:abc,name:b}",
        "model.auth_token=${oc.env:MY_TOKEN}",
    ]
    shielded = shield_overrides(words)
    assert [shielded[0], shielded[2], shielded[5]] == [words[0], "-m", words[5]]
    assert "abc" not in " ".join(shielded)
    filled = OmegaConf.from_dotlist([word.lstrip("+") for word in (shielded[1], *shielded[3:5])])
    assert filled.model.api_key == "abc=def"
    assert list(filled.model.urls) == ["https://me:abc@host/a", "https://host/b"]
    assert filled.model.client == {"password": "abc", "name": "b"}
    for name in [name for name in os.environ if name.startswith("EVALS_SECRET_")]:
        monkeypatch.delenv(name)
