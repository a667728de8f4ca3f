"""From a plan to answers to scores."""

from evals.runner.prompting import (
    Parting,
    PromptDiff,
    diff_prompts,
    print_prompt,
    word_prompts,
)
from evals.runner.results_files import FileScores, export_run, score_results_file
from evals.runner.run import run_all, run_one, score_run
from evals.runner.session import Progress, Session
from evals.runner.verifying import Finding, State, verify_run

__all__ = [
    "FileScores",
    "Finding",
    "Parting",
    "Progress",
    "PromptDiff",
    "Session",
    "State",
    "diff_prompts",
    "export_run",
    "print_prompt",
    "run_all",
    "run_one",
    "score_results_file",
    "score_run",
    "verify_run",
    "word_prompts",
]
