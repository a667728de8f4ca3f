"""transformers must not make up what a checkpoint lacks."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from evals.errors import CheckpointError
from evals.models.specs import TransformersSpec
from tests.models.conftest import Pair

NORM = "model.norm.weight"


@pytest.fixture
def load(base: Pair, tmp_path: Path) -> Callable[..., str]:
    """Load the base checkpoint with other tensors in it; return the error."""

    def change(**changes: Tensor | None) -> str:
        folder = tmp_path / "edited"
        shutil.copytree(base.folder, folder)
        tensors = {**load_file(folder / "model.safetensors"), **changes}
        kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        save_file(kept, folder / "model.safetensors", {"format": "pt"})
        try:
            TransformersSpec(str(folder), device="cpu").load()
        except CheckpointError as error:
            return str(error)
        return ""

    return change


def test_all_that_does_not_fit_is_listed(load: Callable[..., str]) -> None:
    """It warned, and drew the missing weight at random."""
    changes = {NORM: None, "lm_head.weight": torch.zeros(3, 4), "model.more": torch.zeros(2)}
    message = load(**changes)
    assert f"{NORM} is missing" in message
    assert "lm_head.weight has shape [3, 4], and config.json makes it [400, 32]" in message
    assert "model.more is no weight of this model" in message


def test_what_is_not_finite_is_named(load: Callable[..., str], base: Pair) -> None:
    norm = load_file(base.folder / "model.safetensors")[NORM]
    norm[3] = float("nan")
    assert f"{NORM} holds NaN" in load(**{NORM: norm})


def test_buffers_that_the_hubs_files_hold_are_known(load: Callable[..., str]) -> None:
    assert not load(**{"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})


def test_a_damaged_file_is_named(base: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "edited"
    shutil.copytree(base.folder, folder)
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="edited cannot be loaded by transformers"):
        TransformersSpec(str(folder), device="cpu").load()
