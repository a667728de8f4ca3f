"""Caption scores are those of pycocoevalcap where a caption's tokens depend on the one after it.

Real files in COCO's format, whose images, captions and ids are in three different orders, scored by
the official package and by ours from results files in two orders.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics import CAPTIONS
from evals.metrics.bleu import corpus_bleu
from evals.metrics.caption import TokenisedCaptions, cider, rouge_l, tokenise
from evals.metrics.ptb import ptb_tokenize
from evals.runner.scoring import pair_predictions
from evals.types import Answer, Example, Prediction, Score, Source
from tasks.coco import coco
from tests.metrics.official_captions import evaluate_officially, tokenise_officially
from tests.official import write_json

BEGINNINGS = (
    *("a dog is sitting on", "two cats near", "it is parked at", "“a man”, he says", "é 日本 on"),
    *("A man rides", "The U.S. flag in", "He is with J.", "It's", "There are", "A DOG BARKS AT"),
    *('"A sign" that says', "(A red) bus on", "[the] train to St. Louis,", "a dog\nThe cat on"),
)
ENDINGS = (
    *("a", "a.", "A.", "J.", "vs.", "St.", "U.S.", "U.S", "p.m.", "etc.", "i.e.", "no.", "Mr."),
    *("Co.", "Jan.", "T.V.", "...", "…", ". . .", ",", "-", "--", ":", "it's", "dogs'", "don"),
    *('"stop"', '"stop."', "``", "''", "'", "(left)", "(left", "[1]", "{x}", "<b", "&amp;", "#1"),
    *("5", "5.", "$1.50", "1/2", "½", "café.", "日本。", "🐶", "STOP.", "", " ", "\n", "|||"),
)


class Image(NamedTuple):
    hypothesis: str
    references: list[str]


def draw_images(number: int) -> list[Image]:
    drawn = random.Random("captions")

    def draw() -> str:
        return f"{drawn.choice(BEGINNINGS)} {drawn.choice(ENDINGS)}" if drawn.random() < 0.9 else ""

    images = []
    for _ in range(number):
        references = [draw() or "A dog." for _ in range(drawn.randrange(1, 6))]
        images.append(Image(drawn.choice((draw(), references[-1].lower())), references))
    return images


class Files(NamedTuple):
    annotations: Path
    results: Path
    shuffled_results: Path
    folder: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A hundred images, of which every tenth has no result."""
    folder = tmp_path_factory.mktemp("captions")
    drawn = random.Random("files")
    images = dict(zip(drawn.sample(range(10**5), 100), draw_images(100), strict=True))
    captions = [{"image_id": i, "caption": text} for i in images for text in images[i].references]
    drawn.shuffle(captions)
    results = [{"image_id": i, "caption": image.hypothesis} for i, image in images.items()]
    results = [row for number, row in enumerate(results) if number % 10]
    return Files(
        write_json(
            folder / "captions.json",
            {
                "info": {},
                "licenses": [],
                "images": [{"id": i, "file_name": f"{i}.jpg"} for i in images],
                "annotations": [{**row, "id": number} for number, row in enumerate(captions)],
            },
        ),
        write_json(folder / "results.json", results),
        write_json(folder / "shuffled.json", drawn.sample(results, len(results))),
        folder,
    )


@pytest.fixture(scope="module")
def official(files: Files) -> Any:
    return evaluate_officially(files.annotations, files.shuffled_results, files.folder, "METEOR")


def load(annotations: Path, results: Path) -> list[Prediction]:
    """Read both files as `evals score` does."""
    source = Source(annotations.parent, annotations=annotations, with_images=False)
    examples = coco().load("val", source).examples
    return pair_predictions(examples, read_answers(results), where=str(results), partial=True)


def read_answers(results: Path) -> Mapping[str, Answer]:
    results_format = coco().results_format
    assert results_format is not None
    return results_format.read(results)


def assert_official(scores: Sequence[Score], official: Any) -> None:
    """Hold each score of ours against the official one, and each image's where it has one."""
    assert {score.name for score in scores} == {name.lower() for name in official["scores"]}
    by_name = {score.name: score for score in scores}
    for name, value in official["scores"].items():
        assert by_name[name.lower()].value == pytest.approx(value, abs=1e-12), name
    for name, each in official["per_image"].items():
        assert by_name[name.lower()].per_example == pytest.approx(each, abs=1e-12), name


def test_scores_are_the_official_ones_in_both_orders_of_answers(
    files: Files, official: Any
) -> None:
    assert list(read_answers(files.results)) != list(read_answers(files.shuffled_results))
    captions = [
        tokenise(load(files.annotations, results))
        for results in (files.results, files.shuffled_results)
    ]
    assert captions[0] == captions[1]
    bleu = corpus_bleu(captions[0].hypotheses, captions[0].references).values
    of_bleu = [Score(f"bleu_{n}", value, 90) for n, value in enumerate(bleu, start=1)]
    assert_official([*of_bleu, rouge_l(captions[0]), cider(captions[0])], official)


@pytest.mark.slow
def test_all_seven_scores_are_the_official_ones(files: Files) -> None:
    official = evaluate_officially(*files[:2], files.folder)
    assert_official(CAPTIONS.compute(load(*files[:2])), official)


def test_both_published_uses_take_the_images_in_the_annotation_files_order(
    files: Files, official: Any
) -> None:
    ours = [int(prediction.example.id) for prediction in load(*files[:2])]
    assert official["image_ids_with_result"] == ours
    assert [i for i in official["image_ids"] if i in set(ours)] == ours
    assert ours != sorted(ours)


def test_captions_tokenised_in_another_order_would_score_differently(
    files: Files, official: Any
) -> None:
    """In order of ids, or each hypothesis before its references: both are other numbers."""
    predictions = load(*files[:2])
    by_id = sorted(predictions, key=lambda prediction: prediction.example.id)
    texts = [text for p in predictions for text in (p.answer.text, *p.example.references)]
    tokens = iter(ptb_tokenize(texts))
    rows = [(next(tokens), [next(tokens) for _ in p.example.references]) for p in predictions]
    ids = [prediction.example.id for prediction in predictions]
    interleaved = TokenisedCaptions(ids, [row[0] for row in rows], [row[1] for row in rows])
    for captions in (interleaved, tokenise(by_id)):
        assert abs((cider(captions).value or 0) - official["scores"]["CIDEr"]) > 1e-3


texts = st.builds(" ".join, st.tuples(st.sampled_from(BEGINNINGS), st.sampled_from(ENDINGS)))
captions = st.one_of(texts, st.sampled_from(ENDINGS), texts.map(str.lower), texts.map(str.upper))
image_lists = st.lists(
    st.builds(Image, captions, st.lists(captions, min_size=1, max_size=3)), min_size=1, max_size=60
)


def expect_tokens(images: Mapping[str, Image], folder: Path) -> tuple[list[str], list[list[str]]]:
    """Return the official hypotheses and references, in the order of the images."""
    hypotheses = tokenise_officially({i: [row.hypothesis] for i, row in images.items()}, folder)
    references = tokenise_officially({i: row.references for i, row in images.items()}, folder)
    return [row[0] for row in hypotheses], references


def predict(images: Mapping[str, Image], arrival: Sequence[str]) -> list[Prediction]:
    answers = {image_id: Answer(images[image_id].hypothesis) for image_id in arrival}
    examples = [
        Example(i, image=None, references=tuple(row.references)) for i, row in images.items()
    ]
    return pair_predictions(examples, answers, where="a test", partial=False)


@settings(max_examples=4)
@given(image_lists, st.randoms())
def test_any_captions_have_the_official_tokens_in_whatever_order_answers_arrive(
    files: Files, rows: list[Image], shuffler: random.Random
) -> None:
    ids = [str(number) for number in range(len(rows))]
    images = dict(zip(shuffler.sample(ids, len(ids)), rows, strict=True))
    ours = tokenise(predict(images, arrival=shuffler.sample(ids, len(ids))))
    assert ours.ids == list(images)
    assert (ours.hypotheses, ours.references) == expect_tokens(images, files.folder)
