"""VQA accuracy (Antol et al. 2015), in the spellings in which papers report it.

An answer is worth min(1, matches / 3), averaged over the annotators, each left out once. The
official script (GT-Vision-Lab/VQA @a013f00, vqaEval.py) leaves an annotator out by comparing
records, which only works while each carries its own `answer_id`: without one (the VizWiz file of
OpenFlamingo) equal answers vanish together and the majority answer scores 67.06 instead of 94.11.
Here the annotator is left out by position.
"""

from collections.abc import Callable, Sequence

from evals.metrics.scoring import check_references, mean_score, not_computed, score_each
from evals.metrics.vqa_normalise import normalise_m4c, normalise_vqa, tidy
from evals.types import Metric, Prediction, Score

_ENOUGH = 3
"""Matching annotators that make an answer fully right."""


def leave_one_out_accuracy(answer: str, references: Sequence[str]) -> float:
    """Return the mean over annotators of min(1, matches among the others / 3), in 0..1.

    With m of ten annotators matching: 0, 0.3, 0.6, 0.9, 1 for m = 0, 1, 2, 3, 4 and more. Strings
    are compared as they are. Counting in thirds keeps the value exactly rounded.
    """
    n = len(references)
    matches = references.count(answer)
    thirds = matches * min(_ENOUGH, matches - 1) + (n - matches) * min(_ENOUGH, matches)
    return thirds / (_ENOUGH * n)


def official_accuracy(answer: str, references: Sequence[str]) -> float:
    """Score as vqaEval.py does: normalise both sides, but only where the annotators disagree.

    Ten identical answers are compared with the prediction as typed, so that "Yes" misses "yes".
    """
    distinct = {tidy(reference) for reference in set(references)}
    if len(distinct) == 1:
        return leave_one_out_accuracy(tidy(answer), [*distinct] * len(references))
    return normalised_accuracy(answer, references)


def normalised_accuracy(answer: str, references: Sequence[str]) -> float:
    """Score with both sides always normalised: OpenFlamingo (since 60a5fd6) and IDEFICS."""
    return leave_one_out_accuracy(normalise_vqa(answer), [normalise_vqa(r) for r in references])


def m4c_accuracy(answer: str, references: Sequence[str]) -> float:
    """Score as TextVQA's evaluator (M4C in mmf) does: its own normaliser, always."""
    return leave_one_out_accuracy(normalise_m4c(answer), [normalise_m4c(r) for r in references])


def vqa_scores(
    name: str,
    predictions: Sequence[Prediction],
    *,
    accuracy: Callable[[str, Sequence[str]], float],
) -> tuple[Score, ...]:
    """Return one score: the mean accuracy of the answers against `Example.references`."""
    check_references(predictions)
    each = score_each(predictions, lambda p: accuracy(p.answer.text, p.example.references))
    return (mean_score(name, each, predictions),)


def _official(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    return vqa_scores("official", predictions, accuracy=official_accuracy)


def _normalised(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    return vqa_scores("normalised", predictions, accuracy=normalised_accuracy)


def _m4c(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    return vqa_scores("m4c", predictions, accuracy=m4c_accuracy)


def _raw_answers(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    """Score OK-VQA against the answers as people typed them, as IDEFICS does: no stemming."""
    without = sum(not prediction.example.raw_references for prediction in predictions)
    if without:
        note = f"{without} of {len(predictions)} examples have no raw answers (OK-VQA v1.1 has)"
        return (not_computed("raw_answers", len(predictions), note=note),)
    each = score_each(
        predictions, lambda p: official_accuracy(p.answer.text, p.example.raw_references)
    )
    return (mean_score("raw_answers", each, predictions),)


OFFICIAL = Metric("official", _official)
NORMALISED = Metric("normalised", _normalised)
M4C = Metric("m4c", _m4c)
RAW_ANSWERS = Metric("raw_answers", _raw_answers)
