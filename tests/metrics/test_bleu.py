"""BLEU's counts give back pycocoevalcap's number, and its error comes from them."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics.bleu import bleu_of_counts, corpus_bleu, image_counts
from tests.metrics.golden import read_json

captions = st.lists(st.sampled_from(["a", "cat", "dog", "runs"]), max_size=7).map(" ".join)
images = st.lists(st.tuples(captions, st.lists(captions, min_size=1, max_size=3)), min_size=1)


def test_sixty_images_score_together_and_image_by_image(golden_dir: Path) -> None:
    golden = read_json(golden_dir / "coco_caption_60.json")
    hypotheses, references = golden["pred_ptb"], golden["refs_ptb"]
    overall = corpus_bleu(hypotheses, references).values
    assert overall == pytest.approx(golden["overall"]["Bleu_1..4"], abs=1e-12)
    per_image = bleu_of_counts(image_counts(hypotheses, references))[:, 3].tolist()
    assert per_image == pytest.approx(golden["per_image"]["Bleu_4"], abs=1e-12)


@settings(deadline=None)
@given(images)
def test_the_summed_counts_give_pycocoevalcaps_bleu(rows: list[tuple[str, list[str]]]) -> None:
    from pycocoevalcap.bleu.bleu import Bleu

    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    official, _ = Bleu(4).compute_score(
        dict(enumerate(references)), {i: [h] for i, h in enumerate(hypotheses)}, verbose=0
    )
    summed = image_counts(hypotheses, references).sum(axis=0, keepdims=True)
    assert bleu_of_counts(summed)[0].tolist() == pytest.approx(official, rel=1e-9)
    assert corpus_bleu(hypotheses, references).values == pytest.approx(official, rel=1e-9)


def test_the_bootstrap_agrees_with_resampling_the_captions_themselves() -> None:
    words = ["a", "red", "cat", "dog", "sits", "runs"]
    drawn = random.Random(5)
    references = [[" ".join(drawn.choices(words, k=8))] for _ in range(60)]
    hypotheses = [
        " ".join(word if drawn.random() < 0.7 else drawn.choice(words) for word in refs[0].split())
        for refs in references
    ]
    resampled = []
    for _ in range(400):
        chosen = drawn.choices(range(60), k=60)
        bleu = corpus_bleu([hypotheses[i] for i in chosen], [references[i] for i in chosen])
        resampled.append(bleu.values[3])
    spread = corpus_bleu(hypotheses, references).spreads[3]
    assert spread is not None
    assert spread.standard_error == pytest.approx(np.std(resampled, ddof=1), rel=0.2)
    low, high = np.quantile(resampled, [0.025, 0.975])
    assert spread.interval == pytest.approx((low, high), abs=0.3 * (high - low))


def test_one_image_has_no_standard_error() -> None:
    bleu = corpus_bleu(["a cat"], [["a cat"]])
    assert bleu.values[0] == pytest.approx(1.0)
    assert bleu.spreads == [None] * 4
