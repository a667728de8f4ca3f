"""VQA accuracy: official scores on real predictions, and the rule by its definition."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import DataError
from evals.metrics import M4C, NORMALISED, OFFICIAL, RAW_ANSWERS
from evals.metrics.vqa import (
    leave_one_out_accuracy,
    m4c_accuracy,
    normalised_accuracy,
    official_accuracy,
)
from evals.metrics.vqa_normalise import normalise_m4c, normalise_vqa
from evals.stats import breakdown, group_examples
from evals.types import Answer, Example, Metric, Prediction, Score
from tests.metrics.golden import golden_score, okvqa_predictions, read_json, vqa_predictions

answers = st.sampled_from(["yes", "Yes", "no", "two", "2", "the dog", "dog", "dog's", "1,000"])
annotators = st.lists(answers, min_size=10, max_size=10)


def only(metric: Metric, predictions: list[Prediction]) -> Score:
    (score,) = metric.compute(predictions)
    assert score.name == metric.name
    return score


def percent(score: Score) -> float:
    """The value with the four digits that the official script prints for n=4."""
    assert score.value is not None
    return round(100 * score.value, 4)


def predict(example_id: str, answer: str, *references: str) -> Prediction:
    example = Example(example_id, image=None, references=references, raw_references=references)
    return Prediction(example, Answer(answer))


# ---------------------------------------------------------------------- official scores


def test_pica_on_okvqa_scores_what_the_official_script_says(golden_dir: Path) -> None:
    golden = golden_score(golden_dir, "okvqa/pica_vinvl_n16_results.json")
    predictions = okvqa_predictions(golden_dir)
    score = only(OFFICIAL, predictions)
    assert score.num_examples == golden["n"] == 5046
    assert percent(score) == golden["vqa_accuracy_official"] == 46.8609
    assert percent(only(NORMALISED, predictions)) == golden["vqa_accuracy_always_normalised"]
    plain = sum(leave_one_out_accuracy(p.answer.text, p.example.references) for p in predictions)
    key = "min(1,0.3*matches), no normalisation"
    assert 100 * plain / 5046 == pytest.approx(golden[key], abs=1e-9)


def test_the_vqav2_prior_scores_what_the_official_script_says(golden_dir: Path) -> None:
    name = "vqav2_subset/preds_valid_question_type_prior_from_train.json"
    golden = golden_score(golden_dir, name)
    predictions = vqa_predictions(
        read_json(golden_dir / golden["annotations"])["annotations"], read_json(golden_dir / name)
    )
    score = only(OFFICIAL, predictions)
    assert score.num_examples == golden["n"] == 8977
    assert percent(score) == golden["vqa_accuracy_official"] == 32.9754
    assert score.per_example is not None
    by_type = group_examples([p.example for p in predictions], key="answer_type")
    groups = breakdown(score.per_example, by_type)
    measured = {value: round(100 * group.mean, 4) for value, group in groups.items()}
    assert measured == golden["per_answer_type"]


@pytest.mark.parametrize(
    ("metric", "evaluator"), [(OFFICIAL, "official"), (NORMALISED, "open_flamingo")]
)
def test_messy_predictions_score_question_by_question(
    golden_dir: Path, metric: Metric, evaluator: str
) -> None:
    golden = read_json(golden_dir / "vqav2_300.json")
    predictions = vqa_predictions(golden["annotations"]["annotations"], golden["predictions"])
    score = only(metric, predictions)
    accuracy = golden[evaluator]["accuracy"]
    assert score.value is not None
    assert round(100 * score.value, 4) == accuracy["overall"]
    assert score.per_example is not None
    each = {example_id: round(100 * value, 4) for example_id, value in score.per_example.items()}
    assert each == golden[evaluator]["per_question"]
    for key, name in [("answer_type", "perAnswerType"), ("question_type", "perQuestionType")]:
        by_value = group_examples([p.example for p in predictions], key=key)
        groups = breakdown(score.per_example, by_value)
        assert {k: round(100 * g.mean, 4) for k, g in groups.items()} == accuracy[name]


def _vizwiz(golden_dir: Path) -> list[dict[str, Any]]:
    path = golden_dir / "vizwiz" / "val_annotations_vqa_format.json"
    annotations: list[dict[str, Any]] = read_json(path)["annotations"]
    return annotations


def test_vizwiz_answers_without_ids_are_left_out_by_position(golden_dir: Path) -> None:
    """Comparing records drops all equal answers at once there: 67.06 instead of 94.11."""
    annotations = _vizwiz(golden_dir)
    majority = []
    for annotation in annotations:
        texts = [answer["answer"] for answer in annotation["answers"]]
        answer = max(texts, key=texts.count)
        majority.append({"question_id": annotation["question_id"], "answer": answer})
    golden = golden_score(golden_dir, "vizwiz/val: majority answer of the ten")
    score = only(NORMALISED, vqa_predictions(annotations, majority))
    assert score.num_examples == golden["n"]
    assert percent(score) == golden["index-based leave-one-out"] == 94.1097


def test_always_unanswerable_on_vizwiz(golden_dir: Path) -> None:
    annotations = _vizwiz(golden_dir)
    rows = [{"question_id": a["question_id"], "answer": "unanswerable"} for a in annotations]
    golden = golden_score(golden_dir, 'vizwiz/val: always "unanswerable"')
    score = only(NORMALISED, vqa_predictions(annotations, rows))
    assert score.value is not None
    assert round(100 * score.value, 2) == golden["index-based leave-one-out"] == 52.12


# ---------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("matches", "accuracy"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)]
)
def test_closed_form_of_ten_annotators(matches: int, accuracy: float) -> None:
    references = ["cat"] * matches + [f"other {i}" for i in range(10 - matches)]
    assert leave_one_out_accuracy("cat", references) == accuracy


@given(answers, st.lists(answers, min_size=1, max_size=12))
def test_each_annotator_is_left_out_once(answer: str, references: list[str]) -> None:
    by_definition = [
        min(1, sum(other == answer for j, other in enumerate(references) if j != i) / 3)
        for i in range(len(references))
    ]
    expected = pytest.approx(sum(by_definition) / len(references))
    assert leave_one_out_accuracy(answer, references) == expected


@given(answers, annotators)
def test_official_is_normalised_exactly_when_annotators_disagree(
    answer: str, references: list[str]
) -> None:
    if len(set(references)) > 1:
        assert official_accuracy(answer, references) == normalised_accuracy(answer, references)
    else:
        assert official_accuracy(answer, references) == float(answer == references[0])


@given(answers, annotators)
def test_normalised_and_m4c_compare_what_their_normalisers_return(
    answer: str, references: list[str]
) -> None:
    for accuracy, spell in [(normalised_accuracy, normalise_vqa), (m4c_accuracy, normalise_m4c)]:
        expected = leave_one_out_accuracy(spell(answer), [spell(r) for r in references])
        assert accuracy(answer, references) == expected


def test_agreeing_annotators_are_still_tidied() -> None:
    assert official_accuracy("cat\n", [" cat"] * 10) == 1.0


@given(answers, annotators, st.randoms())
def test_the_order_of_annotators_moves_no_digit(
    answer: str, references: list[str], shuffler: random.Random
) -> None:
    shuffled = shuffler.sample(references, 10)
    for metric in (OFFICIAL, NORMALISED, M4C, RAW_ANSWERS):
        expected = only(metric, [predict("a", answer, *references)])
        assert only(metric, [predict("a", answer, *shuffled)]) == expected


# ---------------------------------------------------------------------- what surrounds it


def test_a_score_carries_its_examples_and_standard_error() -> None:
    score = only(OFFICIAL, [predict("a", "cat", *["cat"] * 10), predict("b", "x", *["cat"] * 10)])
    assert score.per_example == {"a": 1.0, "b": 0.0}
    assert (score.value, score.num_examples, score.standard_error) == (0.5, 2, 0.5)
    assert only(OFFICIAL, [predict("a", "cat", *["cat"] * 10)]).standard_error is None


def test_raw_answers_are_scored_as_typed() -> None:
    example = Example(
        "a",
        image=None,
        references=("race",) * 10,
        raw_references=("racing",) * 6 + ("races",) * 4,
    )
    prediction = Prediction(example, Answer("Racing"))
    assert only(RAW_ANSWERS, [prediction]).value == 1.0
    assert only(OFFICIAL, [prediction]).value == 0.0


def test_raw_answers_need_the_raw_answers() -> None:
    example = Example("a", image=None, references=("race",) * 10)
    score = only(RAW_ANSWERS, [Prediction(example, Answer("race"))])
    assert score.value is None
    assert score.note == ("not computed: 1 of 1 examples have no raw answers (OK-VQA v1.1 has)")


@pytest.mark.parametrize("metric", [OFFICIAL, NORMALISED, M4C, RAW_ANSWERS])
def test_no_predictions_are_no_score(metric: Metric) -> None:
    score = only(metric, [])
    assert (score.value, score.num_examples) == (None, 0)
    assert score.note == "not computed: there are no predictions"


@pytest.mark.parametrize("metric", [OFFICIAL, NORMALISED, M4C, RAW_ANSWERS])
def test_an_example_predicted_twice_is_a_bug(metric: Metric) -> None:
    twice = [predict("a", "cat", "cat"), predict("a", "dog", "cat"), predict("b", "dog", "cat")]
    with pytest.raises(ValueError, match=r"more than once:\n  - a$"):
        metric.compute(twice)


def test_examples_without_answers_are_listed() -> None:
    with pytest.raises(DataError, match=r"2 of 3 examples have no references.*\n  - a\n  - c"):
        OFFICIAL.compute([predict("a", "x"), predict("b", "x", "x"), predict("c", "x")])
