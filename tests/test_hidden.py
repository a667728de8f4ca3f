"""Hiding secrets damages no setting, and what was hidden is never used in place of the secret."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evals.compose import compose_config
from evals.config import narrow_config, parse_config, read_settings
from evals.errors import ConfigError
from evals.records import write_failures
from evals.runner import export_run, score_run, verify_run
from evals.secrets import HIDDEN
from evals.store import CONFIG, RunFolder, read_answered, read_config, write_answered
from evals.summary import write_summary
from tests.identities import make_identity
from tests.report.made_runs import make_run
from tests.runner.calls import Silent, evaluate

MARKED = "tasks.hateful_memes._target_=tests.runner.plugins.marked_memes"
KEYED = "model._target_=tests.runner.plugins.KeyedSpec"


def test_a_plugins_image_token_is_what_it_was_when_a_run_is_scored_again(tmp_path: Path) -> None:
    words = (
        MARKED,
        "+tasks.hateful_memes.image_token='<image>'",
        "+tasks.hateful_memes.token=image",
    )
    run_dir, before = evaluate("hateful_memes", tmp_path, *words)
    assert score_run(run_dir, Silent()) == before
    (task,) = read_settings(run_dir).tasks
    assert task.plugin["image_token"] == "<image>"
    assert task.plugin["token"] == "image"


@pytest.mark.parametrize("place", ["tasks.hateful_memes.pad_token", "model.image_token"])
def test_another_word_of_a_vocabulary_is_another_run(place: str, tmp_path: Path) -> None:
    words = [MARKED, KEYED]
    runs = [
        evaluate(
            "hateful_memes", tmp_path, *words, f"+{place}='<{name}>'", f"run_dir={tmp_path / name}"
        )[1]
        for name in ("one", "other")
    ]
    assert runs[0].hash != runs[1].hash


def test_another_key_is_no_other_run_and_reaches_no_file(tmp_path: Path) -> None:
    hashes = set()
    for key in ("key-of-monday", "key-of-tuesday"):
        words = (MARKED, KEYED, f"+model.api_key={key}", f"+tasks.hateful_memes.password={key}")
        run_dir, summary = evaluate("hateful_memes", tmp_path, *words)
        hashes.add(summary.hash)
        for path in run_dir.rglob("*"):
            assert key.encode() not in path.read_bytes(), path
    assert len(hashes) == 1


def test_a_run_whose_model_has_a_secret_is_scored_and_its_model_is_not_made(tmp_path: Path) -> None:
    run_dir, before = evaluate("hateful_memes", tmp_path, KEYED, "+model.api_key=abc")
    assert score_run(run_dir, Silent()) == before
    assert export_run(run_dir, tmp_path, Silent()).is_file()
    assert {str(found.state) for found in verify_run(run_dir, Silent())} == {"holds"}
    model = read_settings(run_dir).model
    for make in (model.describe, model.load):
        with pytest.raises(ConfigError, match=r"^model\.api_key: <hidden> stands for a secret, .*"):
            make()


def test_what_a_score_needs_and_is_hidden_is_one_error_with_file_places_and_way_out(
    tmp_path: Path,
) -> None:
    words = (
        MARKED,
        "+tasks.hateful_memes.api_key=abc",
        "+tasks.hateful_memes.users=[{password: 1}]",
    )
    run_dir, _ = evaluate("hateful_memes", tmp_path, *words)
    for ask in (
        lambda: score_run(run_dir, Silent()),
        lambda: export_run(run_dir, tmp_path, Silent()),
        lambda: list(verify_run(run_dir, Silent())),
    ):
        with pytest.raises(ConfigError) as error:
            ask()
        first, *places = str(error.value).splitlines()
        assert first.startswith(f"{run_dir / CONFIG}: {HIDDEN} stands for secrets")
        assert "write their values into the file" in first
        assert places == [
            "  - tasks.hateful_memes.api_key",
            "  - tasks.hateful_memes.users.0.password",
        ]


def test_values_that_are_written_back_serve(tmp_path: Path) -> None:
    run_dir, before = evaluate(
        "hateful_memes", tmp_path, MARKED, "+tasks.hateful_memes.api_key=abc"
    )
    path = run_dir / CONFIG
    path.write_text(path.read_text().replace(f"api_key: {HIDDEN}", "api_key: abc"))
    assert score_run(run_dir, Silent()) == before


def test_a_folder_of_data_that_is_hidden_can_be_given_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, before = evaluate("vqav2", tmp_path / "correct-horse")
    monkeypatch.setenv("MY_PASSWORD", "correct-horse")
    evaluate("vqav2", tmp_path / "correct-horse")
    assert b"correct-horse" not in (run_dir / CONFIG).read_bytes()
    with pytest.raises(ConfigError, match=r"new ones after the run folder(.|\n)*- data_dir"):
        score_run(run_dir, Silent())
    data_dir = {"data_dir": str(tmp_path / "correct-horse" / "data" / "vqav2")}
    assert score_run(run_dir, Silent(), data_dir).scores == before.scores


@pytest.mark.parametrize(
    "word",
    [
        f"+tasks.vqav2.api_key='{HIDDEN}'",
        f"+model.api_key='{HIDDEN}'",
        f"protocol.wording.vqa.example='{HIDDEN}'",
    ],
)
def test_a_word_that_was_copied_from_a_file_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"<hidden> stands for (a secret|secrets), .* value"
    ) as error:
        evaluate("vqav2", tmp_path, word)
    assert word.lstrip("+").partition("=")[0] in str(error.value)
    assert not (tmp_path / "run").exists()


names = st.one_of(
    st.sampled_from(("image", "eos", "pad", "bos", "sep", "fake_token_around_image", "my", "")).map(
        lambda prefix: f"{prefix}_token".lstrip("_")
    ),
    st.from_regex(r"[xyz]{1,4}(_key|_tokens|_auther)?", fullmatch=True),
)
texts = st.text("aB0 .,:;<>|[]{}_/\\\"'\n\u00e9", max_size=24)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


@cache
def compose_plain() -> Mapping[str, Any]:
    words = ("task=vqav2", "data_dir=/data", "model=mock", "shots=0")
    call = parse_config(compose_config(words))
    return narrow_config(call, call.tasks[0], shots=0, seed=0)


def make_config(arguments: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's config with a plugin's and a model's arguments."""
    plain = compose_plain()
    plugin = {**plain["tasks"]["vqav2"], **arguments}
    return {**plain, "tasks": {"vqav2": plugin}, "model": {"_target_": "builtins.dict", **model}}


@given(arguments=st.dictionaries(names, values, max_size=4), model=st.dictionaries(names, values))
@settings(max_examples=60, deadline=None)
def test_arguments_without_a_secret_come_back_as_they_were(
    arguments: dict[str, Any], model: dict[str, Any]
) -> None:
    config = make_config(arguments, model)
    assume("token" not in list_names(model))  # a model's lone token is a secret where it stands
    with TemporaryDirectory() as place:
        run_dir = Path(place) / "run"
        with RunFolder(run_dir, make_identity(), config):
            pass
        assert read_config(run_dir) == config
        (task,) = read_settings(run_dir).tasks
    assert {key: task.plugin[key] for key in arguments} == arguments
    assert task.plugin["_target_"] == "tasks.vqav2.vqav2"


def list_names(value: Any) -> set[str]:
    """Return all names in a value."""
    if isinstance(value, dict):
        return set(value).union(*map(list_names, value.values()))
    return set().union(*map(list_names, value)) if isinstance(value, list) else set()


IN_PLACE = (
    *("api_key", "password", "X-Api-Key", "access_token", "hf_token", "authToken", "Authorization"),
    *("client_secret", "private_key", "db.passwd", "auth", "credentials", "WANDB_API_KEY"),
)
BY_FORM = (
    *("hf_{}", "sk-{}", "ghp_{}", "say Bearer {}", "Authorization: Basic {}", "xoxb-{}"),
    *("https://me:{}@host/a", "s3://{}@bucket", "https://host/a?b=c&X-Amz-Signature={}"),
)
secrets = st.text("abcdefghijkmnop0123456789", min_size=20, max_size=24).map("a1b2c3{}".format)


@st.composite
def with_secret(draw: st.DrawFn) -> tuple[str, Any]:
    """A secret, and arguments that hold it in a place or form that gives it away."""
    secret = draw(secrets)
    value = draw(
        st.one_of(
            st.sampled_from(IN_PLACE).map(lambda name: {name: secret}),
            st.sampled_from(IN_PLACE).map(lambda name: {name: {"of": [secret]}}),
            st.sampled_from(("my_token", "some_key")).map(lambda name: {name: secret}),
            st.sampled_from(("X-Token", "Cookie")).map(lambda name: {"headers": {name: secret}}),
            st.just({"http_headers": ["Accept: json", f"X-Auth-Token: {secret}"]}),
            st.sampled_from(BY_FORM).map(lambda form: form.format(secret)),
            st.sampled_from(BY_FORM).map(lambda form: {form.format(secret): 1}),
        )
    )
    for wrap in draw(st.lists(st.sampled_from(("list", "names")), max_size=2)):
        value = [value] if wrap == "list" else {"inner": value}
    return secret, value


def write_everywhere(run_dir: Path, value: Any, data_dir: str = "/data") -> list[bytes]:
    """Write a run folder with a value wherever settings lead; return its files' contents."""
    config = {**make_config({"given": value}, {"given": value}), "data_dir": data_dir}
    described = {"label": "mock", "checkpoint": "mock", "arguments": {"given": value}}
    identity = make_identity(
        task={"arguments": {"given": value}},
        protocol={"wording": {"example": json.dumps(value)}} if isinstance(value, str) else {},
        model={"arguments": {"given": value}},
    )
    with RunFolder(run_dir, identity, config):
        write_answered(run_dir, {"model": described, "data": {"files": {data_dir: "ab" * 32}}})
    write_failures(run_dir, {"1": f"{data_dir}/a.jpg: {value if isinstance(value, str) else ''}"})
    write_summary(run_dir, make_run(answered=read_answered(run_dir)))
    return [path.read_bytes() for path in run_dir.iterdir()]


@given(with_secret())
@settings(max_examples=80, deadline=None)
def test_no_byte_of_a_secret_is_in_any_file(made: tuple[str, Any]) -> None:
    secret, value = made
    with TemporaryDirectory() as place:
        for content in write_everywhere(Path(place) / "run", value):
            assert secret.encode() not in content


@given(secrets, st.sampled_from(("MY_TOKEN", "HF_TOKEN", "SOME_API_KEY", "X_PASSWORD")))
@settings(max_examples=20, deadline=None)
def test_no_byte_of_a_secret_variable_is_in_any_file(secret: str, name: str) -> None:
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, secret)
        for content in write_everywhere(Path(place) / "run", f"a{secret}b", f"/data/{secret}"):
            assert secret.encode() not in content
