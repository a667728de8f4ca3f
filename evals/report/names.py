"""How benchmarks and scores are called in tables; what is not listed here keeps its own name."""

from collections.abc import Mapping
from dataclasses import dataclass

BENCHMARKS: Mapping[str, str] = {
    "VQAv2": "VQAv2",
    "OKVQA": "OK-VQA",
    "COCO": "COCO",
    "TextVQA": "TextVQA",
    "HatefulMemes": "Hateful Memes",
}
"""Benchmark's name among the references -> its title, in the order of a table's columns."""


@dataclass(frozen=True, slots=True)
class ScoreName:
    title: str
    """In a column's head."""
    words: str
    """In a sentence, where two scores are told apart."""


_SCORES: Mapping[str, ScoreName] = {
    "official": ScoreName("official", "official VQA accuracy"),
    "normalised": ScoreName("normalised", "always normalised VQA accuracy"),
    "m4c": ScoreName("M4C", "VQA accuracy with M4C normalisation"),
    "raw_answers": ScoreName("raw answers", "VQA accuracy on raw answers"),
    "openflamingo_stemmed": ScoreName("stemmed", "VQA accuracy of OpenFlamingo's stems"),
    "bleu_1": ScoreName("BLEU-1", "BLEU-1"),
    "bleu_2": ScoreName("BLEU-2", "BLEU-2"),
    "bleu_3": ScoreName("BLEU-3", "BLEU-3"),
    "bleu_4": ScoreName("BLEU-4", "BLEU-4"),
    "meteor": ScoreName("METEOR", "METEOR"),
    "rouge_l": ScoreName("ROUGE-L", "ROUGE-L"),
    "cider": ScoreName("CIDEr", "CIDEr"),
    "roc_auc": ScoreName("ROC AUC", "ROC AUC of probabilities"),
    "roc_auc_hard_labels": ScoreName("ROC AUC, hard labels", "ROC AUC of hard labels"),
    "accuracy": ScoreName("accuracy", "accuracy"),
}


def title_benchmark(benchmark: str) -> str:
    return BENCHMARKS.get(benchmark, benchmark)


def name_score(score: str) -> ScoreName:
    return _SCORES.get(score, ScoreName(score, score))
