"""Every measure as a `Metric` value: what a task lists in `metrics`.

Heavy libraries (sklearn, scipy, nltk, pycocoevalcap) are imported when a score is computed.
"""

from evals.metrics.caption import CAPTIONS
from evals.metrics.classify import ACCURACY, ROC_AUC, ROC_AUC_HARD_LABELS
from evals.metrics.okvqa import OPENFLAMINGO_STEMMED
from evals.metrics.vqa import M4C, NORMALISED, OFFICIAL, RAW_ANSWERS

__all__ = [
    "ACCURACY",
    "CAPTIONS",
    "M4C",
    "NORMALISED",
    "OFFICIAL",
    "OPENFLAMINGO_STEMMED",
    "RAW_ANSWERS",
    "ROC_AUC",
    "ROC_AUC_HARD_LABELS",
]
