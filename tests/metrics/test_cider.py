"""CIDEr is pycocoevalcap's to the last bit, whatever the captions."""

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics.cider import cider_per_image
from tests.metrics.golden import read_json

captions = st.lists(st.sampled_from(["a", "cat", "dog", "runs", "the"]), max_size=12).map(" ".join)
images = st.lists(st.tuples(captions, st.lists(captions, min_size=1, max_size=3)), min_size=1)


def score_officially(hypotheses: list[str], references: list[list[str]]) -> list[float]:
    from pycocoevalcap.cider.cider import Cider

    _, each = Cider().compute_score(
        dict(enumerate(references)), {i: [h] for i, h in enumerate(hypotheses)}
    )
    scores: list[float] = each.tolist()
    return scores


@settings(max_examples=200)
@given(images)
def test_any_captions_score_the_same_bits(rows: list[tuple[str, list[str]]]) -> None:
    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    if not any(any(refs) for refs in references):  # pycocoevalcap fails there
        assert cider_per_image(hypotheses, references) == [0.0] * len(rows)
        return
    assert cider_per_image(hypotheses, references) == score_officially(hypotheses, references)


@settings(max_examples=100)
@given(images, st.data())
def test_a_sample_scores_the_bits_of_the_whole(
    rows: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    hypotheses, references = [row[0] for row in rows], [row[1] for row in rows]
    scores = cider_per_image(hypotheses, references)
    sample = data.draw(st.sets(st.sampled_from(range(len(rows)))).map(sorted))
    of_sample = cider_per_image(
        [hypotheses[i] for i in sample], [references[i] for i in sample], references
    )
    assert of_sample == [scores[i] for i in sample]


def test_real_captions_score_the_same_bits(golden_dir: Path) -> None:
    golden = read_json(golden_dir / "coco_caption_60.json")
    hypotheses, references = golden["pred_ptb"], golden["refs_ptb"]
    assert cider_per_image(hypotheses, references) == score_officially(hypotheses, references)


def test_long_repetitive_captions_score_the_same_bits() -> None:
    drawn = random.Random(7)
    words = [f"w{number}" for number in range(40)]
    references = [
        [" ".join(drawn.choices(words, k=drawn.randrange(1, 120))) for _ in range(5)]
        for _ in range(50)
    ]
    hypotheses = [" ".join(drawn.choices(refs[0].split(), k=60)) for refs in references]
    assert cider_per_image(hypotheses, references) == score_officially(hypotheses, references)
