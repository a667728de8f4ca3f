"""The damaged copy is a checkpoint like the intact one, and another."""

from pathlib import Path

from safetensors.torch import load_file

from evals.mini.damage import damage
from evals.models.specs import IdeficsSpec
from evals.resources import tiny_checkpoint_dir


def test_only_matrices_are_damaged_and_always_the_same_way(tmp_path: Path) -> None:
    for name in ("a", "b"):
        damage(tmp_path / name, noise=0.2)
    intact = load_file(tiny_checkpoint_dir() / "model.safetensors")
    damaged, again = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    for name, weight in intact.items():
        assert damaged[name].equal(again[name])
        assert damaged[name].equal(weight) == (weight.dim() < 2), name


def test_a_damaged_copy_loads(tmp_path: Path) -> None:
    damage(tmp_path)
    assert IdeficsSpec(str(tmp_path), device="cpu").load().info.fingerprint
