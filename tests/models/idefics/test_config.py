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
