"""What holds of every metric: no text breaks it, and no order of answers moves a digit.

The metrics are those that `evals.metrics` exports, so a new one is tried as well. Captions start
METEOR, which loads for five seconds, so they are scored twice for all of their tests together.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals import metrics
from evals.metrics import CAPTIONS
from evals.metrics.okvqa import stemmed_scores
from evals.metrics.okvqa_stem import Linguist, words
from evals.types import Answer, Example, Prediction, Score

SEPARATORS = "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
ODD = f"{SEPARATORS}\0\ufeff\u200d\u0301İ\xa0½'\"`.,:;?!|-()/&$%1Aa \ud800\udfff"
PIECES = (
    *("the", "cat", "sits", "none", "ing", "running", "ponies", "1,000", "$1.50", "don't", "n't"),
    *("Question", "Answer", "Short answer:", ", ", " ||| ", "SCORE ||| ", "EVAL ||| ", "-LRB-"),
    *("日本語", "مرحبا", "🏳️‍🌈", "NaN", "Infinity", "<image>", "</s>", "&amp;", "http://a.b/c?d=e"),
)
LONG = ("x" * 10_000, "the cat sits. " * 300, "\ud800" * 1_000, "'" * 1_000, ", " * 1_000)
TEXTS = st.one_of(
    st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from(ODD)), max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
    st.sampled_from(("", *LONG)),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What a prediction is made of, for metrics of every kind."""

    references: tuple[str, ...]
    said: str | None
    """`None`: the first reference."""
    yes: float
    picture: int


ROWS = st.lists(
    st.builds(
        Row,
        st.lists(TEXTS, min_size=1, max_size=10).map(tuple),
        st.one_of(st.none(), TEXTS),
        st.floats(0, 1),
        st.integers(0, 5),
    ),
    min_size=2,
    max_size=8,
)


def predict(rows: Sequence[Row]) -> list[Prediction]:
    """Both labels occur, and some examples share a picture."""
    return [
        Prediction(
            Example(
                str(number),
                image=None,
                references=row.references,
                raw_references=row.references,
                label=number % 2,
                metadata={"image_id": str(row.picture)},
            ),
            Answer(
                row.references[0] if row.said is None else row.said,
                choice=int(row.yes > 0.5),
                probabilities=(1 - row.yes, row.yes),
            ),
        )
        for number, row in enumerate(rows)
    ]


LINGUIST = Linguist(
    tokenize=words,
    tag=lambda tokens: [(token, "NNS" if token.endswith("s") else "NN") for token in tokens],
    verb_lemma=lambda word: word.removesuffix("ing"),
)
Measure = Callable[[Sequence[Prediction]], tuple[Score, ...]]
WITHOUT_JAVA: Mapping[str, Measure] = {
    name: getattr(metrics, name).compute for name in metrics.__all__ if name != "CAPTIONS"
} | {"OPENFLAMINGO_STEMMED": partial(stemmed_scores, linguist=LINGUIST)}
"""nltk's data are not installed everywhere."""


def assert_sound(score: Score) -> None:
    """In range (which no NaN is), and JSON as it stands."""
    highest = 10 if score.name == "cider" else 1
    for value in (score.value, *(score.per_example or {}).values()):
        assert value is not None, score.note
        assert 0 <= value <= highest + 1e-9, (score.name, value)
    assert score.standard_error is None or score.standard_error >= 0
    assert json.loads(json.dumps(asdict(score), allow_nan=False))["value"] == score.value


@settings(max_examples=30)
@given(ROWS)
def test_no_text_breaks_a_metric_or_takes_a_score_out_of_range(rows: list[Row]) -> None:
    predictions = predict(rows)
    for measure in WITHOUT_JAVA.values():
        for score in measure(predictions):
            assert score.num_examples == len(rows)
            assert_sound(score)


VALUES = st.lists(
    st.builds(
        Row,
        st.lists(st.sampled_from(["yes", "no", "cat"]), min_size=3, max_size=10).map(tuple),
        st.sampled_from([None, "yes", "no", "cats"]),
        st.floats(0, 1),
        st.integers(0, 3),
    ),
    min_size=15,
    max_size=30,
)
"""Many values that are no binary fractions, so that sums in another order differ."""


@settings(max_examples=50)
@given(VALUES, st.randoms())
def test_the_order_of_predictions_moves_no_digit_of_any_score(
    rows: list[Row], shuffler: random.Random
) -> None:
    predictions = predict(rows)
    shuffled = shuffler.sample(predictions, len(predictions))
    for measure in WITHOUT_JAVA.values():
        assert measure(shuffled) == measure(predictions)


# ---------------------------------------------------------------------- captions

NUM_CAPTIONS = 150


def draw_text(drawn: random.Random) -> str:
    parts = [
        drawn.choice((drawn.choice(ODD), drawn.choice(PIECES), chr(drawn.randrange(0x110000)), " "))
        for _ in range(drawn.choice((0, 1, 2, 5, 20)))
    ]
    return "".join(parts)


def odd_captions() -> list[Prediction]:
    """Odd captions beside odd references, and between any two a plain one beside its equal."""
    drawn = random.Random("odd captions")
    rows = []
    for number in range(NUM_CAPTIONS):
        references = tuple(draw_text(drawn) for _ in range(drawn.choice((1, 2, 5))))
        caption = drawn.choice((draw_text(drawn), references[0]))
        rows += [(f"odd {number}", caption, references)]
        rows += [(f"plain {number}", f"cat {number} sits", (f"cat {number} sits",))]
    rows += [(f"long {number}", text, ("the cat sits",)) for number, text in enumerate(LONG)]
    rows += [(f"long reference {number}", "the cat", (text,)) for number, text in enumerate(LONG)]
    return [
        Prediction(Example(name, image=None, references=references), Answer(caption))
        for name, caption, references in rows
    ]


class CaptionScores(NamedTuple):
    of_all: tuple[Score, ...]
    of_sample: tuple[Score, ...]
    """Of a sample that is all, in another order."""


@pytest.fixture(scope="module")
def caption_scores() -> CaptionScores:
    """Computed side by side, one METEOR on each core."""
    predictions = odd_captions()
    examples = [prediction.example for prediction in predictions]
    sample = random.Random(0).sample(predictions, len(predictions))
    assert CAPTIONS.compute_sample is not None
    with ThreadPoolExecutor() as executor:
        of_all = executor.submit(CAPTIONS.compute, predictions)
        of_sample = executor.submit(CAPTIONS.compute_sample, sample, examples)
        return CaptionScores(of_all.result(), of_sample.result())


def test_no_caption_breaks_a_caption_score(caption_scores: CaptionScores) -> None:
    for score in caption_scores.of_all:
        assert score.num_examples == 2 * NUM_CAPTIONS + 2 * len(LONG)
        assert_sound(score)


@pytest.mark.parametrize("name", ["meteor", "rouge_l"])
def test_no_caption_shifts_its_neighbours(caption_scores: CaptionScores, name: str) -> None:
    (each,) = (score.per_example for score in caption_scores.of_all if score.name == name)
    assert each is not None
    assert {value for example_id, value in each.items() if example_id.startswith("plain")} == {1.0}


def test_a_sample_that_is_the_whole_split_scores_the_same_bits_in_any_order(
    caption_scores: CaptionScores,
) -> None:
    assert caption_scores.of_sample == caption_scores.of_all
