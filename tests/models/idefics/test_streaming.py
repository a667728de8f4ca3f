"""Weights go from file to device tensor by tensor: what is in memory beside them is one matrix."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from evals.models.idefics.config import read_config
from evals.models.idefics.model import Idefics
from evals.models.idefics.weights import list_places
from tests.models.idefics import loading_peaks
from tests.models.idefics.processes import needs_proc
from tests.models.idefics.test_config import write

MB = 10**6
SLACK = 24 * MB
"""Pages of the files, the allocator's, the interpreter's."""
LARGEST = 2 * 2112 * 768 * 4
"""Gate and up."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 170 MB in two files."""
    folder = tmp_path_factory.mktemp("large")
    write(
        folder,
        hidden_size=768,
        intermediate_size=2112,
        num_hidden_layers=5,
        num_attention_heads=8,
        cross_layer_interval=5,
        vocab_size=400,
        vision_config={
            "embed_dim": 64,
            "image_size": 28,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "patch_size": 14,
        },
        perceiver_config={
            "resampler_depth": 1,
            "resampler_head_dim": 8,
            "resampler_n_heads": 2,
            "resampler_n_latents": 4,
        },
    )
    with torch.device("meta"):
        places = list_places(Idefics(read_config(folder)))
    names = list(places)
    index = {}
    for number, part in enumerate((names[::2], names[1::2])):
        file = f"model-0000{number + 1}-of-00002.safetensors"
        save_file({name: torch.ones(places[name].shape) for name in part}, folder / file)
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


@needs_proc
def test_the_peak_is_what_stays_and_a_matrix(large: Path) -> None:
    stored = sum(path.stat().st_size for path in large.glob("*.safetensors"))
    assert stored > 160 * MB
    # Freed memory goes back at once, so that the next kind starts where this one did.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", loading_peaks.__name__, str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    peaks = json.loads(done.stdout)
    assert 0.95 * stored < peaks["whole"] < stored + 2 * LARGEST + SLACK
    assert 0.45 * stored < peaks["half"] < 0.5 * stored + LARGEST + SLACK
    # Quantising a matrix takes a few copies of it.
    assert 0.25 * stored < peaks["int8"] < 0.25 * stored + 5 * LARGEST + SLACK
