"""A tiny random checkpoint, made by the bench's own writer, and a few pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from evals.bench.checkpoint import write_checkpoint
from evals.bench.configs import CONFIGS, BenchConfig
from evals.bench.pictures import draw_pictures
from evals.bench.sides import SideSettings
from evals.bench.workload import Workload

TINY: dict[str, Any] = {
    **CONFIGS["quick"].shapes,
    "vocab_size": 1200,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "cross_layer_interval": 2,
    "vision_config": {
        "embed_dim": 24,
        "image_size": 28,
        "patch_size": 14,
        "intermediate_size": 40,
        "num_hidden_layers": 1,
        "num_attention_heads": 3,
        "hidden_act": "gelu",
    },
    "perceiver_config": {
        "use_resampler": True,
        "resampler_depth": 1,
        "resampler_n_heads": 2,
        "resampler_head_dim": 8,
        "resampler_n_latents": 5,
        "qk_layer_norms_perceiver": True,
    },
}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """These matrices are so small that threads would only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_config() -> BenchConfig:
    return replace(CONFIGS["quick"], name="tiny", shapes=TINY)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> SideSettings:
    """12 queries on 4 pictures, 6 to demonstrate."""
    return make_settings(tmp_path_factory.mktemp("bench"), seed=0)


@pytest.fixture(scope="session")
def other_settings(tmp_path_factory: pytest.TempPathFactory) -> SideSettings:
    """The same prompts and pictures for another model."""
    return make_settings(tmp_path_factory.mktemp("other"), seed=1)


def make_settings(folder: Path, *, seed: int) -> SideSettings:
    workload = Workload(folder / "pictures", 12, 4, 6, 2)
    draw_pictures(workload.picture_dir, workload.picture_names())
    checkpoint = write_checkpoint(
        folder / "checkpoint", TINY, device=torch.device("cpu"), dtype=torch.float32, seed=seed
    )
    return SideSettings(checkpoint, "cpu", "float32", 1, workload)
