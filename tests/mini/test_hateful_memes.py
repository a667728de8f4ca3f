from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from evals.mini.drawing import SHAPES, Scene
from evals.mini.examples import read_hateful_memes
from evals.mini.hateful_memes import make_memes


def test_every_text_has_each_label_equally_often() -> None:
    memes = list(make_memes(Random("test"), 100, seen=set()))
    labels = Counter((meme.text, meme.label) for meme in memes)
    assert all(labels[text, 0] == labels[text, 1] for text, _ in labels)


def test_every_shape_is_shown_with_each_label_equally_often() -> None:
    memes = list(make_memes(Random("test"), 100, seen=set()))
    labels = Counter((meme.shape, meme.label) for meme in memes)
    assert labels == {(shape, label): 20 for shape in SHAPES for label in (0, 1)}


def test_text_and_picture_together_tell_the_label() -> None:
    memes = make_memes(Random("test"), 100, seen=set())
    assert all(meme.label == (meme.shape in meme.text) for meme in memes)


def test_a_scene_that_was_seen_is_never_drawn_again() -> None:
    seen: set[Scene] = set()
    memes = [meme for _ in range(2) for meme in make_memes(Random("same"), 20, seen=seen)]
    assert len({meme.scene for meme in memes}) == len(memes) == 80


def test_a_classifier_of_pixels_below_the_lettering_is_at_chance(mini_root: Path) -> None:
    def read(split: str) -> tuple[np.ndarray, list[int]]:
        examples = read_hateful_memes(mini_root / "hateful_memes", split)
        pixels = []
        for example in examples:
            assert isinstance(example.image, object)
            with Image.open(str(example.image)) as picture:
                below = picture.convert("RGB").crop((0, 26, 96, 96)).resize((12, 12))
            pixels.append(np.asarray(below, dtype=np.float64).ravel() / 255)
        return np.stack(pixels), [example.label or 0 for example in examples]

    pixels, labels = read("train")
    others, answers = read("val")
    # Standard error of an AUC at chance with 100 against 100: 0.04.
    model = LogisticRegression(C=0.01, max_iter=2000).fit(pixels, labels)
    assert abs(roc_auc_score(answers, model.predict_proba(others)[:, 1]) - 0.5) < 0.12
