"""OpenFlamingo's OK-VQA score, with nltk's data and without."""

import subprocess
import sys
from pathlib import Path

import pytest

from evals.metrics import OPENFLAMINGO_STEMMED
from evals.metrics.okvqa import stemmed_scores
from evals.metrics.okvqa_stem import INSTALL_COMMAND, load_linguist
from evals.types import Answer, Example, Prediction
from tests.metrics.golden import golden_linguist, golden_score, okvqa_predictions, read_json


def test_pica_scores_what_openflamingo_says(golden_dir: Path) -> None:
    if load_linguist() is None:
        pytest.skip(f"nltk's data are not installed; run: {INSTALL_COMMAND}")
    (score,) = OPENFLAMINGO_STEMMED.compute(okvqa_predictions(golden_dir))
    golden = golden_score(golden_dir, "okvqa/pica_vinvl_n16_results.json")
    assert score.value is not None
    assert round(100 * score.value, 4) == golden["vqa_accuracy_openflamingo_stemmed"] == 49.8454


def test_pica_scores_so_with_the_golden_tags_and_lemmas(golden_dir: Path) -> None:
    """The whole way but for nltk's tagger and WordNet, which need data."""
    stems = read_json(golden_dir / "okvqa_openflamingo_postprocessed.json")["answers"]
    (score,) = stemmed_scores(okvqa_predictions(golden_dir), golden_linguist(stems))
    assert score.value is not None
    assert (round(100 * score.value, 4), score.num_examples) == (49.8454, 5046)


def test_the_next_example_is_cut_off_before_stemming() -> None:
    example = Example("a", image=None, references=("race",) * 10)
    prediction = Prediction(example, Answer("racing, skiing Question: what"))
    (score,) = stemmed_scores([prediction], golden_linguist({"racing": "race"}))
    assert score.per_example == {"a": 1.0}


WITHOUT_DATA = """
import nltk
nltk.data.path.clear()
from evals.metrics import OPENFLAMINGO_STEMMED
from evals.types import Answer, Example, Prediction
example = Example("a", image=None, references=("race",) * 10)
(score,) = OPENFLAMINGO_STEMMED.compute([Prediction(example, Answer("racing"))])
print(score.value, score.num_examples, score.note, sep="|")
"""


def test_without_nltks_data_the_score_is_not_computed_and_says_what_to_run() -> None:
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_DATA], capture_output=True, text=True, check=True
    )
    value, num_examples, note = process.stdout.strip().split("|")
    assert (value, num_examples) == ("None", "1")
    assert note == (
        "not computed: nltk's data are not installed; run: python -m nltk.downloader "
        "punkt_tab averaged_perceptron_tagger_eng wordnet"
    )
