"""The metrics as `evaluate.Metric`s, without a network."""

from pathlib import Path

import evaluate
import pytest

from evals import metrics
from evals.errors import ConfigError
from evals.metrics.hf import load_metric
from evals.types import Metric
from tests.metrics.golden import read_json

NAMES = [value.name for value in vars(metrics).values() if isinstance(value, Metric)]


def test_a_metric_answers_as_evaluate_users_expect() -> None:
    result = load_metric("official").compute(
        predictions=["cat", "dog"], references=[["cat"] * 10, ["cat"] * 9 + ["dog"]]
    )
    assert result == {
        "official": pytest.approx(0.65),
        "standard_error": pytest.approx(0.35),
        "num_examples": 2,
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_there_with_its_features_and_citation(name: str) -> None:
    metric = load_metric(name)
    assert isinstance(metric, evaluate.Metric)
    assert list(metric.features) == ["predictions", "references"]
    assert "arXiv:" in metric.citation
    assert "references: list of" in metric.inputs_description


def test_batches_add_up() -> None:
    metric = load_metric("normalised")
    metric.add(prediction="cat", reference=["cat"] * 10)
    metric.add_batch(predictions=["dog"], references=[["cat"] * 10])
    assert metric.compute()["normalised"] == 0.5


def test_captions_give_seven_scores(golden_dir: Path) -> None:
    golden = read_json(golden_dir / "coco_caption_60.json")
    result = load_metric("captions").compute(predictions=golden["pred"], references=golden["refs"])
    overall = golden["overall"]
    bleu = [result[f"bleu_{n}"] for n in (1, 2, 3, 4)]
    assert bleu == pytest.approx(overall["Bleu_1..4"], abs=1e-12)
    for name in ("METEOR", "ROUGE_L", "CIDEr"):
        assert result[name.lower()] == pytest.approx(overall[name], abs=1e-12)
    assert 0 < result["cider_standard_error"] < 0.2
    assert result["num_examples"] == 60


def test_probabilities_and_choices_are_numbers() -> None:
    labels = [0, 0, 1, 1]
    area = load_metric("roc_auc").compute(predictions=[0.1, 0.4, 0.35, 0.8], references=labels)
    assert area["roc_auc"] == 0.75
    hard = load_metric("roc_auc_hard_labels").compute(predictions=[0, 1, 1, 1], references=labels)
    assert hard["roc_auc_hard_labels"] == 0.75
    accuracy = load_metric("accuracy").compute(predictions=[0, 1, 1, 1], references=labels)
    assert accuracy["accuracy"] == 0.75


def test_a_score_that_is_not_computed_says_why() -> None:
    result = load_metric("roc_auc").compute(predictions=[0.2], references=[1])
    assert result["roc_auc"] is None
    assert result["note"] == "not computed: all 1 examples have the label 1"


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown metric 'cider'; there are: official, .*accuracy"
    ):
        load_metric("cider")
