"""config.json as the hub has it: what may be absent, what must not be."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import CheckpointError
from evals.models.idefics.config import read_config

NINE_B: dict[str, Any] = {
    "model_type": "idefics",
    "additional_vocab_size": 2,
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "cross_layer_interval": 4,
    "alpha_type": "float",
    "qk_layer_norms": True,
    "use_resampler": True,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 2048,
    "max_sequence_length": 2048,
    "hidden_act": "silu",
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "vision_config": {
        "embed_dim": 1280,
        "image_size": 224,
        "intermediate_size": 5120,
        "patch_size": 14,
        "num_attention_heads": 16,
        "num_hidden_layers": 32,
    },
    "perceiver_config": {
        "qk_layer_norms_perceiver": True,
        "resampler_depth": 6,
        "resampler_head_dim": 96,
        "resampler_n_heads": 16,
        "resampler_n_latents": 64,
    },
}


def write(folder: Path, **changes: Any) -> Path:
    values = {key: value for key, value in (NINE_B | changes).items() if value is not ...}
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def test_the_hubs_9b_is_read(tmp_path: Path) -> None:
    config = read_config(write(tmp_path))
    assert config.total_vocab_size == 32002
    assert config.num_gated_layers == 8
    assert config.head_dim == 128
    assert config.gate_shape == (1,)
    assert config.eos_ids == (2,)
    assert config.rope_theta == 10000
    assert config.vision.num_positions == 257
    assert config.vision.activation == "gelu"
    assert config.resampler is not None
    assert config.resampler.qk_norm


def test_80b_has_no_max_position_embeddings(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, max_position_embeddings=..., rms_norm_eps=1e-5))
    assert config.max_tokens == 2048
    assert config.rms_norm_eps == 1e-5


def test_generation_configs_eos_goes_first(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [2, 32002]}')
    assert read_config(tmp_path).eos_ids == (2, 32002)
    (tmp_path / "generation_config.json").write_text("{}")
    assert read_config(tmp_path).eos_ids == (2,)


def test_vector_gates_have_the_models_width(tmp_path: Path) -> None:
    assert read_config(write(tmp_path, alpha_type="vector")).gate_shape == (1, 1, 4096)


def test_all_that_is_missing_is_listed_together(tmp_path: Path) -> None:
    write(tmp_path, hidden_size=..., num_attention_heads="32", vision_config={}, alpha_type="odd")
    with pytest.raises(CheckpointError) as raised:
        read_config(tmp_path)
    message = str(raised.value)
    assert "hidden_size is missing" in message
    assert "num_attention_heads is '32', not a whole number" in message
    assert "vision_config.embed_dim is missing" in message
    assert "alpha_type is 'odd'" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 30}, "num_hidden_layers by cross_layer_interval"),
        ({"hidden_size": 4097}, "hidden_size by num_attention_heads"),
        ({"num_attention_heads": 0}, "hidden_size by num_attention_heads"),
        ({"hidden_act": "mish"}, "hidden_act is 'mish', not one of silu"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_type is 'yarn'"),
        ({"max_sequence_length": ..., "max_position_embeddings": ...}, "max_sequence_length is"),
    ],
)
def test_what_cannot_be_built_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_config(write(tmp_path, **changes))


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="model_type is 'llama', not 'idefics'"):
        read_config(write(tmp_path, model_type="llama"))


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_missing_or_malformed_file_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision_config": []}, "vision_config.embed_dim is missing"),
        ({"vision_config": 7}, "vision_config is 7, not an object"),
        ({"rope_parameters": "default"}, "rope_parameters is 'default', not an object"),
        ({"rms_norm_eps": "small"}, "rms_norm_eps is 'small', not a number"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps is nan, not a number above 0"),
        ({"rope_theta": -1}, "rope_theta is -1, not a number above 0"),
        ({"use_resampler": "yes"}, "use_resampler is 'yes', not true or false"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000, not at most 1,000"),
        ({"hidden_size": 10**30}, "not at most 10,000,000"),
        ({"vocab_size": 0}, "vocab_size is 0, not a whole number from 1 on"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0, not a whole number from 1 on"),
        ({"eos_token_id": "</s>"}, "eos_token_id is '</s>', not a token's id or a list of them"),
        ({"eos_token_id": []}, r"eos_token_id is \[\]"),
        ({"hidden_size": 33, "num_attention_heads": 11}, "is 3, an odd number"),
    ],
)
def test_what_is_of_another_type_or_size_is_named(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """Found by fuzzing: most were tracebacks, and a billion layers were being built."""
    with pytest.raises(CheckpointError, match=message):
        read_config(write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch_size": 0}, "vision_config.patch_size is 0, not a whole number from 1 on"),
        ({"patch_size": 999}, "vision_config.patch_size is larger than vision_config.image_size"),
        ({"num_channels": 4}, "vision_config.num_channels is 4, not at most 3"),
    ],
)
def test_a_vision_tower_that_sees_no_picture_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_config(write(tmp_path, vision_config=NINE_B["vision_config"] | changes))


@pytest.mark.parametrize("content", ["[" * 100_000, "\xff", "9" * 5000])
def test_json_that_python_cannot_read_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(CheckpointError, match=r"config\.json is not JSON"):
        read_config(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path) / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_config(tmp_path).width == 4096
