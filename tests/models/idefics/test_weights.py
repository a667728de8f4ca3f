"""Weights on disk: sharded, tied, with known buffers; missing, unknown, misshapen."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from evals.errors import CheckpointError
from evals.models.idefics.config import read_config
from evals.models.idefics.model import Idefics
from evals.models.idefics.weights import list_places, load_weights
from evals.models.specs import IdeficsSpec, TransformersSpec
from evals.types import Decoding, GenerateRequest, Image, Text
from tests.models.conftest import Pair, Shape, make_checkpoint


def load(folder: Path, *, dtype: torch.dtype = torch.float32) -> Idefics:
    return load_weights(folder, read_config(folder), device=torch.device("cpu"), dtype=dtype)


@pytest.fixture
def edit(base: Pair, tmp_path: Path) -> Callable[..., Path]:
    """Copy the base checkpoint with other tensors in it."""

    def change(**changes: Tensor | None) -> Path:
        folder = tmp_path / "edited"
        shutil.copytree(base.folder, folder)
        tensors = load_file(folder / "model.safetensors")
        for name, tensor in changes.items():
            if tensor is None:
                del tensors[name]
            else:
                tensors[name] = tensor
        save_file(tensors, folder / "model.safetensors")
        return folder

    return change


def equal(one: Idefics, other: Idefics) -> bool:
    pairs = zip(one.named_parameters(), other.named_parameters(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_a_sharded_checkpoint_equals_a_single_file(base: Pair, tmp_path: Path) -> None:
    sharded = make_checkpoint(tmp_path, Shape("base"), max_shard_size="60KB")
    assert len(list(sharded.glob("model-*.safetensors"))) > 2
    assert not (sharded / "model.safetensors").exists()
    assert equal(load(sharded), base.ours.network)


def test_buffers_that_the_hubs_files_hold_are_known(base: Pair, edit: Callable[..., Path]) -> None:
    folder = edit(
        **{
            "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
            "model.gated_cross_attn_layers.0.cross_attn.rotary_emb.inv_freq": torch.ones(4),
            "model.vision_model.embeddings.position_ids": torch.arange(5)[None],
        }
    )
    assert equal(load(folder), base.ours.network)


def test_all_that_does_not_fit_is_listed(edit: Callable[..., Path]) -> None:
    folder = edit(
        **{
            "model.norm.weight": None,
            "model.layers.1.mlp.up_proj.weight": None,
            "lm_head.weight": torch.zeros(3, 4),
            "model.layers.9.mlp.up_proj.weight": torch.zeros(2),
        }
    )
    with pytest.raises(CheckpointError) as raised:
        load(folder)
    message = str(raised.value)
    assert "model.norm.weight is missing" in message
    assert "model.layers.1.mlp.up_proj.weight is missing" in message
    assert "lm_head.weight has shape [3, 4] in model.safetensors" in message
    assert "model.layers.9.mlp.up_proj.weight in model.safetensors is no weight" in message
    assert message.count("\n  - ") == 4


def test_gates_of_another_type_are_misshapen(base: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "edited"
    shutil.copytree(base.folder, folder)
    values = json.loads((folder / "config.json").read_text()) | {"alpha_type": "vector"}
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"alpha_dense has shape \[1\].*\[1, 1, 32\]"):
        load(folder)


def test_weights_are_loaded_in_the_wanted_type(base: Pair) -> None:
    network = load(base.folder, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.bfloat16}
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_damaged_file_is_named(edit: Callable[..., Path]) -> None:
    folder = edit()
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load(folder)


@pytest.mark.parametrize("additional", [0, 3])
def test_a_tied_head_is_the_embedding(
    tmp_path: Path, pictures: list[Image], additional: int
) -> None:
    """With no additional rows, IDEFICS's tokens are among the vocabulary's own."""
    settings = {"tie_word_embeddings": True, "additional_vocab_size": additional}
    if not additional:
        settings["vocab_size"] = 403
    folder = make_checkpoint(tmp_path, Shape("tied", settings))
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    request = GenerateRequest("", (Text("User:"), pictures[0], Text("what?")), Decoding(6))
    [ours] = IdeficsSpec(str(folder), device="cpu").load().generate([request])
    [theirs] = TransformersSpec(str(folder), device="cpu").load().generate([request])
    assert ours.token_ids == theirs.token_ids
    assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)


def test_the_parameters_of_9b_and_80b_are_the_hubs(tmp_path: Path) -> None:
    """The hub's index files count tensors with RoPE's frequencies and the vision tower's position
    ids, and parameters without."""
    from tests.models.idefics.test_config import write

    (tmp_path / "9b").mkdir()
    (tmp_path / "80b").mkdir()
    large = {"hidden_size": 8192, "intermediate_size": 22016, "num_hidden_layers": 80}
    for folder, changes, num_tensors, num_values in (
        (tmp_path / "9b", {}, 1056, 8_929_679_632),
        (tmp_path / "80b", large | {"num_attention_heads": 64}, 1704, 79_967_843_624),
    ):
        config = read_config(write(folder, **changes))
        with torch.device("meta"):
            network = Idefics(config)
        num_rope = config.num_layers + config.num_gated_layers
        shapes = [math.prod(place.shape) for place in list_places(network).values()]
        assert len(shapes) + num_rope + 1 == num_tensors
        assert sum(shapes) == num_values


def test_weights_that_are_not_finite_are_listed(base: Pair, edit: Callable[..., Path]) -> None:
    """Every answer would be nonsense, and nothing would say so."""
    tensors = load_file(base.folder / "model.safetensors")
    norm, gate = tensors["model.norm.weight"], tensors["model.layers.1.mlp.gate_proj.weight"]
    norm[3], gate[1, 2] = float("nan"), float("-inf")
    folder = edit(**{"model.norm.weight": norm, "model.layers.1.mlp.gate_proj.weight": gate})
    with pytest.raises(CheckpointError) as raised:
        load(folder)
    message = str(raised.value)
    assert "model.norm.weight holds NaN" in message
    assert "model.layers.1.mlp.gate_proj.weight holds infinity" in message
    assert message.count("\n  - ") == 2
