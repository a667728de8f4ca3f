"""OK-VQA as OpenFlamingo scores it: its post-processed prediction against the stemmed answers.

The evaluator behind it is OpenFlamingo's copy of vqaEval.py, which always normalises. The other
OK-VQA measures are in vqa.py.
"""

from collections.abc import Sequence
from functools import cache

from evals.metrics.okvqa_stem import INSTALL_COMMAND, Linguist, cut_answer, load_linguist, stem
from evals.metrics.scoring import check_ids, not_computed
from evals.metrics.vqa import normalised_accuracy, vqa_scores
from evals.types import Metric, Prediction, Score

_NAME = "openflamingo_stemmed"


def stemmed_scores(predictions: Sequence[Prediction], linguist: Linguist) -> tuple[Score, ...]:
    """Return one score: the post-processed answers against `Example.references`."""

    @cache  # the tagger is what takes time, and short answers recur
    def post_process(text: str) -> str:
        return stem(cut_answer(text), linguist)

    return vqa_scores(
        _NAME,
        predictions,
        accuracy=lambda text, references: normalised_accuracy(post_process(text), references),
    )


def _openflamingo_stemmed(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    linguist = load_linguist()
    if linguist is None:
        check_ids(predictions)
        note = f"nltk's data are not installed; run: {INSTALL_COMMAND}"
        return (not_computed(_NAME, len(predictions), note=note),)
    return stemmed_scores(predictions, linguist)


OPENFLAMINGO_STEMMED = Metric(_NAME, _openflamingo_stemmed)
