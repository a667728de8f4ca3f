"""The embedded default: five mini benchmarks in the official formats, and a tiny checkpoint.

Nothing is downloaded. `ensure_mini` draws the benchmarks once into a cache folder; each of its
folders is a `data_dir` that a task reads as if it were the official one. `checkpoint/` holds an
IDEFICS of about 2 M parameters that `python -m evals.mini.train` trained on the train splits.
"""

from evals.mini.make import MAKERS, ensure_mini, is_mini, make_mini

MINI_TASKS = tuple(MAKERS)

__all__ = ["MINI_TASKS", "ensure_mini", "is_mini", "make_mini"]
