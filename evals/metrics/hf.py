"""Every metric as an `evaluate.Metric`, for use without the harness.

    from evals.metrics.hf import load_metric
    load_metric("official").compute(predictions=["cat"], references=[["cat"] * 10])
    # {'official': 1.0, 'standard_error': None, 'num_examples': 1}

No network is needed, and no example is written to disk. Captions are tokenised in the order in
which they are given, which should be the annotation file's (`evals.metrics.caption`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import datasets
import evaluate

from evals import metrics
from evals.errors import ConfigError
from evals.types import Answer, Example, Metric, Prediction, Score

_VQA = "Antol et al., VQA: Visual Question Answering, ICCV 2015, arXiv:1505.00468."
_OKVQA = (
    "Marino et al., OK-VQA: A Visual Question Answering Benchmark Requiring External Knowledge, "
    "CVPR 2019, arXiv:1906.00067."
)
_TEXTVQA = "Singh et al., Towards VQA Models That Can Read, CVPR 2019, arXiv:1904.08920."
_COCO = (
    "Chen et al., Microsoft COCO Captions: Data Collection and Evaluation Server, "
    "arXiv:1504.00325, 2015."
)
_MEMES = "Kiela et al., The Hateful Memes Challenge, NeurIPS 2020, arXiv:2005.04790."

_Reads = Literal["text", "choice", "probability"]
_INPUTS: dict[_Reads, str] = {
    "text": """
Args:
    predictions: list of str, one answer or caption an example.
    references: list of lists of str, all human answers or captions of an example.
""",
    "choice": """
Args:
    predictions: list of int, the choice made.
    references: list of int, the right choice.
""",
    "probability": """
Args:
    predictions: list of float, the probability of choice 1.
    references: list of int, the right choice, 0 or 1.
""",
}
_RETURNS = """Returns:
    dict: each score by its name, its `standard_error` (of several scores: `<name>_standard_error`),
    `num_examples`, and a `note` where a score was not computed.
"""


@dataclass(frozen=True, slots=True)
class _Card:
    metric: Metric
    reads: _Reads
    citation: str


def _cards() -> tuple[_Card, ...]:
    return (
        _Card(metrics.OFFICIAL, "text", _VQA),
        _Card(metrics.NORMALISED, "text", _VQA),
        _Card(metrics.M4C, "text", _TEXTVQA),
        _Card(metrics.RAW_ANSWERS, "text", _OKVQA),
        _Card(metrics.OPENFLAMINGO_STEMMED, "text", _OKVQA),
        _Card(metrics.CAPTIONS, "text", _COCO),
        _Card(metrics.ROC_AUC, "probability", _MEMES),
        _Card(metrics.ROC_AUC_HARD_LABELS, "choice", _MEMES),
        _Card(metrics.ACCURACY, "choice", _MEMES),
    )


class HarnessMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """One of `evals.metrics`; make it with `load_metric`."""

    def __init__(self, card: _Card) -> None:
        self._card = card
        super().__init__(config_name=card.metric.name, keep_in_memory=True)

    def _info(self) -> evaluate.MetricInfo:
        text, label = datasets.Value("string"), datasets.Value("int64")
        prediction, reference = {
            "text": (text, datasets.Sequence(text)),
            "choice": (label, label),
            "probability": (datasets.Value("float64"), label),
        }[self._card.reads]
        return evaluate.MetricInfo(
            description=f"{self._card.metric.name}, as the official scorer computes it.",
            citation=self._card.citation,
            inputs_description=_INPUTS[self._card.reads] + _RETURNS,
            features=datasets.Features({"predictions": prediction, "references": reference}),
        )

    def _compute(
        self, predictions: Sequence[object], references: Sequence[object]
    ) -> dict[str, float | str | None]:
        pairs = zip(predictions, references, strict=True)
        return _flatten(
            self._card.metric.compute(
                [
                    _prediction(str(i), prediction, reference, reads=self._card.reads)
                    for i, (prediction, reference) in enumerate(pairs)
                ]
            )
        )


def load_metric(name: str) -> evaluate.Metric:
    """Return the metric of that name (`Metric.name`) as Hugging Face's `evaluate` knows metrics.

    Raises:
        ConfigError: there is none; the message names those that are.
    """
    cards = {card.metric.name: card for card in _cards()}
    if name not in cards:
        raise ConfigError(f"unknown metric {name!r}; there are: {', '.join(cards)}")
    return HarnessMetric(cards[name])


def _prediction(
    example_id: str, prediction: object, reference: object, *, reads: _Reads
) -> Prediction:
    """Return what a row stands for; `evaluate` has checked its types against the features."""
    if reads == "text":
        assert isinstance(prediction, str)
        assert isinstance(reference, list)
        texts = tuple(reference)
        example = Example(example_id, image=None, references=texts, raw_references=texts)
        return Prediction(example, Answer(text=prediction))
    assert isinstance(reference, int)
    example = Example(example_id, image=None, label=reference)
    if reads == "choice":
        assert isinstance(prediction, int)
        return Prediction(example, Answer(choice=prediction))
    assert isinstance(prediction, float)
    return Prediction(example, Answer(probabilities=(1 - prediction, prediction)))


def _flatten(scores: Sequence[Score]) -> dict[str, float | str | None]:
    flat: dict[str, float | str | None] = {score.name: score.value for score in scores}
    if len(scores) == 1:
        flat["standard_error"] = scores[0].standard_error
    else:
        flat |= {f"{score.name}_standard_error": score.standard_error for score in scores}
    flat["num_examples"] = scores[0].num_examples
    if notes := [score.note for score in scores if score.note]:
        flat["note"] = notes[0]
    return flat
