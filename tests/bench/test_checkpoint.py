"""The random checkpoint is one of the hub's layout, which both sides can read."""

import json
from pathlib import Path

import torch
from transformers import IdeficsForVisionText2Text

from evals.bench.checkpoint import write_checkpoint
from evals.models.checkpoint_files import hash_files, weight_files
from tests.bench.conftest import TINY

CPU = torch.device("cpu")


def test_transformers_finds_every_weight_and_no_other(tmp_path: Path) -> None:
    folder = write_checkpoint(
        tmp_path / "new", TINY, device=CPU, dtype=torch.float32, shard_bytes=40_000
    )
    assert len(weight_files(folder)) > 3
    network, loading = IdeficsForVisionText2Text.from_pretrained(folder, output_loading_info=True)
    assert not any(loading.values())
    stored = json.loads((folder / "model.safetensors.index.json").read_text())
    assert stored["metadata"]["total_size"] == 4 * sum(p.numel() for p in network.parameters())
    gates = [p for name, p in network.named_parameters() if "alpha" in name]
    assert gates
    assert all(float(gate.detach().abs().min()) >= 0.5 for gate in gates)


def test_a_seed_always_gives_the_same_checkpoint(tmp_path: Path) -> None:
    made = [
        hash_files(write_checkpoint(tmp_path / name, TINY, device=CPU, dtype=dtype, seed=seed))
        for name, seed, dtype in (
            ("a", 0, torch.float32),
            ("b", 0, torch.float32),
            ("c", 1, torch.float32),
            ("d", 0, torch.bfloat16),
        )
    ]
    weights = [files["model-00001.safetensors"] for files in made]
    assert made[0] == made[1]
    assert len(set(weights)) == 3
