"""From a plan to answers to scores."""

from evals.runner.results_files import FileScores, export_run, score_results_file
from evals.runner.run import run_all, run_one, score_run
from evals.runner.session import Progress, Session

__all__ = [
    "FileScores",
    "Progress",
    "Session",
    "export_run",
    "run_all",
    "run_one",
    "score_results_file",
    "score_run",
]
