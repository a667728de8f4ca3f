from pathlib import Path

import pytest

from evals.mini.train import Recipe, train


@pytest.mark.slow
def test_a_minute_of_training_lowers_both_losses(mini_root: Path, tmp_path: Path) -> None:
    recipe = Recipe(steps=60, seeing_steps=60)
    losses: dict[str, list[float]] = {"seeing": [], "answering": []}
    for progress in train(mini_root, tmp_path / "checkpoint", recipe=recipe):
        losses[progress.lesson].append(progress.loss)
    # In so few steps the loss falls to about 0.46 of where it began; without learning, it stays.
    for lesson, share in (("seeing", 0.7), ("answering", 0.6)):
        assert len(losses[lesson]) == 60
        assert sum(losses[lesson][-5:]) < share * sum(losses[lesson][:5])
    assert (tmp_path / "checkpoint" / "model.safetensors").is_file()
