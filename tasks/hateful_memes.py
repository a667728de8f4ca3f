"""Hateful Memes (Kiela et al. 2020): is a meme, picture and text together, hateful?

Two choices ranked by log-likelihood; label 1 is hateful. The test splits of the challenge's first
files have no labels, those of later releases have.
"""

from evals.data.annotation_files import choose_split, official_problems, refuse_questions
from evals.data.hub_examples import read_hub_choices
from evals.data.meme_results import meme_results
from evals.data.memes import MemeFiles, read_memes
from evals.metrics import ACCURACY, ROC_AUC, ROC_AUC_HARD_LABELS
from evals.types import ExampleSet, Source, Task

CHOICES = ("no", "yes")
SPLITS = {
    "train": MemeFiles("train.jsonl"),
    "dev_seen": MemeFiles("dev_seen.jsonl"),
    "dev_unseen": MemeFiles("dev_unseen.jsonl"),
    "test_seen": MemeFiles("test_seen.jsonl", may_lack_labels=True),
    "test_unseen": MemeFiles("test_unseen.jsonl", may_lack_labels=True),
}


def load(split: str, source: Source) -> ExampleSet:
    files = choose_split(SPLITS, split, task="hateful_memes")
    if source.hub is not None:
        return read_hub_choices(
            split,
            source,
            task="hateful_memes",
            num_choices=len(CHOICES),
            may_lack_labels=files.may_lack_labels,
        )
    refuse_questions(source, task="hateful_memes")
    problems = official_problems(
        "hateful_memes", split, download="https://hatefulmemeschallenge.com"
    )
    return read_memes(files, source, num_choices=len(CHOICES), problems=problems)


def hateful_memes() -> Task:
    return Task(
        name="hateful_memes",
        kind="classify",
        load=load,
        metrics=(ROC_AUC, ROC_AUC_HARD_LABELS, ACCURACY),
        choices=CHOICES,
        results_format=meme_results({s: f"hateful_memes_{s}.csv" for s in SPLITS}, choices=CHOICES),
    )
