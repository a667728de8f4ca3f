"""The seven caption scores against pycocoevalcap's, overall and per image."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.errors import DataError
from evals.metrics import CAPTIONS
from evals.metrics.caption import NAMES, TokenisedCaptions, cider, rouge_l, tokenise
from evals.types import Answer, Example, Prediction, Score
from tests.metrics.golden import golden_score, read_json

PRINTED = {
    "bleu_1": "Bleu_1",
    "bleu_2": "Bleu_2",
    "bleu_3": "Bleu_3",
    "bleu_4": "Bleu_4",
    "meteor": "METEOR",
    "rouge_l": "ROUGE_L",
    "cider": "CIDEr",
}


def compute(predictions: list[Prediction]) -> dict[str, Score]:
    scores = CAPTIONS.compute(predictions)
    assert tuple(score.name for score in scores) == NAMES
    return {score.name: score for score in scores}


def predict(example_id: str, caption: str, *references: str) -> Prediction:
    return Prediction(Example(example_id, image=None, references=references), Answer(caption))


def golden_60(golden_dir: Path) -> list[Prediction]:
    golden = read_json(golden_dir / "coco_caption_60.json")
    rows = zip(golden["image_ids"], golden["pred"], golden["refs"], strict=True)
    return [predict(str(image_id), caption, *refs) for image_id, caption, refs in rows]


def test_the_coco_demo_scores_what_the_official_scorer_says(golden_dir: Path) -> None:
    name = "coco/captions_val2014_fakecap_results.json"
    golden = golden_score(golden_dir, name)
    content = read_json(golden_dir / golden["annotations"])
    references: dict[int, list[str]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        references[annotation["image_id"]].append(annotation["caption"])
    answers = {row["image_id"]: row["caption"] for row in read_json(golden_dir / name)}
    predictions = [predict(str(i), answers[i], *texts) for i, texts in references.items()]
    scores = compute(predictions)
    for ours, theirs in PRINTED.items():
        assert scores[ours].value == pytest.approx(golden["scores"][theirs], abs=1e-12)
        assert scores[ours].num_examples == golden["n"] == 1000
        assert 0.002 < (scores[ours].standard_error or 0) < 0.02
    assert scores["bleu_4"].per_example is None
    for name in ("meteor", "rouge_l", "cider"):
        assert set(scores[name].per_example or ()) == {p.example.id for p in predictions}
    json.dumps([dataclasses.asdict(score) for score in scores.values()])  # no numpy scalar is left


@pytest.mark.parametrize(("name", "score"), [("ROUGE_L", rouge_l), ("CIDEr", cider)])
def test_sixty_images_score_image_by_image(
    golden_dir: Path, name: str, score: Callable[[TokenisedCaptions], Score]
) -> None:
    golden = read_json(golden_dir / "coco_caption_60.json")
    ours = score(tokenise(golden_60(golden_dir)))
    assert ours.value == pytest.approx(golden["overall"][name], abs=1e-12)
    ids = [str(image_id) for image_id in golden["image_ids"]]
    each = dict(zip(ids, golden["per_image"][name], strict=True))
    assert ours.per_example == pytest.approx(each, abs=1e-12)


def test_captions_are_tokenised_beside_their_own_references(golden_dir: Path) -> None:
    golden = read_json(golden_dir / "coco_caption_60.json")
    captions = tokenise(golden_60(golden_dir))
    assert captions.ids == list(map(str, golden["image_ids"]))
    assert captions.hypotheses == golden["pred_ptb"]
    assert captions.references == golden["refs_ptb"]


def test_references_are_one_pass_and_hypotheses_another() -> None:
    """A hypothesis before its references would lose the full stop, a reference before one keep it.

    So in order of ids.
    """
    rows = [predict("2", "sits on a.", "A mat.", "It is a."), predict("1", "no", "A mat")]
    captions = tokenise(rows)
    assert captions.hypotheses == ["sits on a.", "no"]
    assert captions.references == [["a mat", "it is a"], ["a mat"]]


# ---------------------------------------------------------------------- samples


def sample_60(golden_dir: Path) -> tuple[list[Prediction], list[Example]]:
    """Return every third of sixty, the last first, and all examples."""
    predictions = golden_60(golden_dir)
    return predictions[::-3], [prediction.example for prediction in predictions]


def test_a_sampled_image_scores_the_cider_of_the_whole_split(golden_dir: Path) -> None:
    sample, examples = sample_60(golden_dir)
    of_all = cider(tokenise(golden_60(golden_dir))).per_example or {}
    score = cider(tokenise(sample, examples))
    assert score.per_example == {p.example.id: of_all[p.example.id] for p in sample}
    assert score.num_examples == 20
    assert score.standard_error is not None
    by_itself = cider(tokenise(sample)).per_example or {}
    assert sum(by_itself[image_id] != of_all[image_id] for image_id in by_itself) > 15


def test_a_sampled_image_has_the_references_of_the_whole_split(golden_dir: Path) -> None:
    sample, examples = sample_60(golden_dir)
    of_all, of_sample = tokenise(golden_60(golden_dir)), tokenise(sample, examples)
    assert of_sample.ids == of_all.ids[2::3]
    assert of_sample.references == of_all.references[2::3]
    assert of_sample.split_references == of_all.references


def test_a_sample_sees_the_next_reference_of_the_split_and_the_next_hypothesis_of_its_own() -> None:
    rows = [
        predict("a", "on a.", "On a."),
        predict("b", "no", "no"),
        predict("c", "A mat", "A cat"),
    ]
    captions = tokenise([rows[2], rows[0]], [row.example for row in rows])
    assert captions.hypotheses == ["on a", "a mat"]
    assert captions.references == [["on a."], ["a cat"]]


def test_a_single_sampled_image_scores_what_it_does_in_the_split() -> None:
    rows = [predict("a", "a cat", "a cat"), predict("b", "a dog", "the dog")]
    score = cider(tokenise(rows[:1], [row.example for row in rows]))
    assert score.per_example == {"a": (cider(tokenise(rows)).per_example or {})["a"]}
    assert score.value


def test_a_sample_of_another_split_is_a_bug() -> None:
    with pytest.raises(ValueError, match=r"not in the split:\n  - b"):
        sample_score([predict("a", "x", "x"), predict("b", "x", "x")], [predict("a", "x", "x")])


def test_images_of_the_split_without_references_are_listed_though_they_are_not_sampled() -> None:
    with pytest.raises(DataError, match=r"1 of 2 examples have no references.*\n  - b"):
        sample_score([predict("a", "x", "x")], [predict("a", "x", "x"), predict("b", "x")])


def sample_score(sample: list[Prediction], split: list[Prediction]) -> tuple[Score, ...]:
    assert CAPTIONS.compute_sample is not None
    return CAPTIONS.compute_sample(sample, [prediction.example for prediction in split])


# ---------------------------------------------------------------------- what may be odd


ODD = [
    predict("a", "a cat\rsits", "a cat sits", "one cat"),
    predict("b", "", "a dog runs"),
    predict("c", "\ud800 ||| ...", "two birds", "..."),
    predict("d", "a dog runs", "the dog runs", "a dog runs home"),
]


def test_odd_captions_are_scored_beside_their_own_references() -> None:
    captions = tokenise(ODD)
    rouge = rouge_l(captions).per_example
    assert rouge is not None
    assert [round(value, 2) for value in rouge.values()] == [1.0, 0.0, 0.0, 0.84]
    assert cider(captions).num_examples == 4


def test_references_without_a_word_score_nothing_and_do_not_fail() -> None:
    score = cider(tokenise([predict("a", "a cat", "..."), predict("b", "a dog", "!")]))
    assert score.per_example == {"a": 0.0, "b": 0.0}
    assert score.value == 0.0


def test_a_single_image_scores_no_cider() -> None:
    score = cider(tokenise([predict("a", "a cat", "a cat")]))
    assert (score.value, score.standard_error) == (0.0, None)


def test_no_predictions_are_no_scores() -> None:
    scores = compute([])
    assert {score.value for score in scores.values()} == {None}
    assert scores["cider"].note == "not computed: there are no predictions"


def test_an_image_captioned_twice_is_a_bug() -> None:
    with pytest.raises(ValueError, match="more than once"):
        CAPTIONS.compute([predict("a", "x", "x"), predict("a", "y", "x")])


def test_images_without_references_are_listed() -> None:
    with pytest.raises(DataError, match=r"1 of 2 examples have no references.*\n  - b"):
        CAPTIONS.compute([predict("a", "x", "x"), predict("b", "x")])
