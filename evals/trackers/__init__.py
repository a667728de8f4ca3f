"""Scores in MLflow, Weights & Biases or TensorBoard, as `evals run tracker=...` sends them.

A tracker gets finished runs, so that one that fails costs no answer and no score.
"""

from evals.trackers.series import Series, make_series
from evals.trackers.tracker import Tracker, open_tracker

__all__ = ["Series", "Tracker", "make_series", "open_tracker"]
