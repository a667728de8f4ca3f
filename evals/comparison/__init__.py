"""Whether two runs differ: paired query by query, tested, shown. No data, no model, no torch."""

from evals.comparison.compare import Comparison, compare_runs, pair_folders
from evals.comparison.formats import FORMATS, format_comparisons

__all__ = ["FORMATS", "Comparison", "compare_runs", "format_comparisons", "pair_folders"]
