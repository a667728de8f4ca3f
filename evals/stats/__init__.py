"""Statistics: pure functions over numbers, each with its source.

What the data cannot give is `None`, never a made-up zero.
"""

from evals.stats.calibration import Bin, Calibration, calibrate
from evals.stats.groups import GroupMean, breakdown, group_examples
from evals.stats.means import Interval, mean_standard_error, sum_clusters, t_interval
from evals.stats.paired import (
    Difference,
    McNemar,
    mcnemar,
    mean_difference,
    smallest_detectable,
    t_test,
)
from evals.stats.resampling import (
    Spread,
    bootstrap_mean,
    bootstrap_weights,
    flip_signs,
    measure_spread,
)
from evals.stats.roc import RocAuc, roc_auc, roc_auc_difference, roc_auc_parts
from evals.stats.seeds import SeedSplit, split_seeds

__all__ = [
    "Bin",
    "Calibration",
    "Difference",
    "GroupMean",
    "Interval",
    "McNemar",
    "RocAuc",
    "SeedSplit",
    "Spread",
    "bootstrap_mean",
    "bootstrap_weights",
    "breakdown",
    "calibrate",
    "flip_signs",
    "group_examples",
    "mcnemar",
    "mean_difference",
    "mean_standard_error",
    "measure_spread",
    "roc_auc",
    "roc_auc_difference",
    "roc_auc_parts",
    "smallest_detectable",
    "split_seeds",
    "sum_clusters",
    "t_interval",
    "t_test",
]
