from pathlib import Path
from random import Random

from evals.mini.curriculum import MAX_PICTURES, MAX_SHOTS, STAGES, draw_batches, draw_pool
from evals.mini.examples import MINIS
from evals.mini.train import read_splits


def test_the_last_stage_has_look_ups_and_all_tasks_with_zero_to_eight_demonstrations(
    mini_root: Path,
) -> None:
    splits = read_splits(mini_root, "train")
    rng = Random(0)
    batches = [batch for _ in range(120) for batch in draw_pool(splits, rng, stage=STAGES[-1])]
    episodes = [episode for batch in batches for episode in batch]
    asked = [episode for episode in episodes if episode.task != "lookups"]
    assert {episode.task for episode in asked} == {mini.name for mini in MINIS}
    assert {len(episode.images) for episode in asked} == set(range(1, MAX_SHOTS + 2))
    assert 0 < len(asked) < len(episodes)


def test_a_batch_stays_within_its_pictures_and_has_equally_many_in_each_task(
    mini_root: Path,
) -> None:
    splits = read_splits(mini_root, "train")
    for batch in draw_batches(splits, Random(0), num_steps=60):
        assert sum(len(episode.images) for episode in batch) <= MAX_PICTURES
        assert len({len(episode.images) for episode in batch}) == 1


def test_zero_shot_questions_come_after_two_text_only_demonstrations(mini_root: Path) -> None:
    splits = read_splits(mini_root, "train")
    rng = Random(0)
    batches = [batch for _ in range(120) for batch in draw_pool(splits, rng, stage=STAGES[-1])]
    bare = [
        episode
        for batch in batches
        for episode in batch
        if len(episode.images) == 1 and episode.text.startswith("<s>Instruction")
    ]
    assert bare
    assert all(episode.text.count("Answer:") == 3 for episode in bare)


def test_there_are_as_many_batches_as_steps_and_the_same_for_the_same_seed(
    mini_root: Path,
) -> None:
    splits = read_splits(mini_root, "train")
    one, same, other = (
        list(draw_batches(splits, Random(seed), num_steps=30)) for seed in (1, 1, 2)
    )
    assert len(one) == 30
    assert one == same != other
