from pathlib import Path

import pytest
import torch

from evals.mini.learner import build_optimizers
from evals.mini.network import build_network
from evals.mini.okvqa import TEAMS
from evals.mini.pictures import read_pictures
from evals.mini.seeing import WordReader, choose_words, describe_pictures
from evals.mini.train import read_splits


@pytest.fixture(scope="module")
def words(mini_root: Path) -> dict[Path, set[str]]:
    return describe_pictures(read_splits(mini_root, "train"))


def test_words_come_from_captions_questions_and_answers(
    words: dict[Path, set[str]], mini_root: Path
) -> None:
    example = read_splits(mini_root, "train")["coco"][0]
    assert example.image is not None
    assert isinstance(example.image.source, Path)
    said = words[example.image.source]
    assert said == {
        word for caption in example.references for word in caption.lower().rstrip(".").split()
    }


def test_team_names_are_never_tied_to_a_picture(words: dict[Path, set[str]]) -> None:
    assert not set(TEAMS.values()) & {word for said in words.values() for word in said}


def test_colours_shapes_and_digits_are_learnt_rare_words_are_not(
    words: dict[Path, set[str]],
) -> None:
    rare = {Path("one.jpg"): {"aardvark"}}
    vocabulary = choose_words(words | rare)
    assert {"red", "star", "three", "left", "7"} <= set(vocabulary)
    assert "aardvark" not in vocabulary
    assert len(vocabulary) == len(set(vocabulary))


def test_a_few_steps_teach_the_tower_something(words: dict[Path, set[str]]) -> None:
    torch.manual_seed(0)
    network = build_network()
    reader = WordReader(network.model.vision_model, width=96, vocabulary=choose_words(words))
    paths = list(words)[:32]
    pixels = read_pictures(paths).read(paths)
    optimizers = build_optimizers(reader)
    losses = []
    for _ in range(15):
        loss = reader.measure_loss(pixels, [words[path] for path in paths])
        reader.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
