"""`evals run` from Python: plain arguments in, the runs' summaries and their table out.

    from evals import evaluate

    evaluate("okvqa", shots=[0, 4], limit=50)  # the tiny checkpoint on the mini benchmark
    evaluate("okvqa", model="idefics", checkpoint="/models/idefics-9b", data_dir="/data/okvqa")

An argument is called as the command line calls it and means the same; both make the same run
folders, and each goes on where the other stopped.
"""

from evals.evaluating.call import evaluate
from evals.evaluating.result import Evaluation

__all__ = ["Evaluation", "evaluate"]
