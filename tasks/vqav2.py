"""VQAv2 (Goyal et al. 2017, visualqa.org): open-ended questions on COCO photographs.

The test splits have no public answers; their results file goes to the EvalAI server, which wants
an answer to every question of test2015, also where only test-dev was asked.
"""

from dataclasses import replace

from evals.data.annotation_files import choose_split, official_problems
from evals.data.hub_examples import read_hub_vqa
from evals.data.results import vqa_results
from evals.data.vqa import VqaFiles, read_vqa
from evals.metrics import NORMALISED, OFFICIAL
from evals.types import ExampleSet, Source, Task

SUBSETS = {"train": "train2014", "val": "val2014", "test-dev": "test-dev2015", "test": "test2015"}


def _files(subset: str) -> VqaFiles:
    pictures = subset.replace("test-dev", "test")
    return VqaFiles(
        questions=f"v2_OpenEnded_mscoco_{subset}_questions.json",
        annotations=None if pictures == "test2015" else f"v2_mscoco_{subset}_annotations.json",
        picture=f"{pictures}/COCO_{pictures}_{{image_id:0>12}}.jpg",
    )


SPLITS = {split: _files(subset) for split, subset in SUBSETS.items()}


def load(split: str, source: Source) -> ExampleSet:
    files = choose_split(SPLITS, split, task="vqav2")
    if source.hub is not None:
        return read_hub_vqa(split, source, task="vqav2", answered=files.annotations is not None)
    problems = official_problems("vqav2", split, download="https://visualqa.org/download.html")
    return read_vqa(files, source, problems=problems)


def server_ids(split: str, source: Source) -> tuple[str, ...] | None:
    """Return all ids of test2015 for its splits: the server refuses a file that lacks one."""
    if SPLITS[split].annotations is not None:
        return None
    if split != "test":
        source = replace(source, questions=None, annotations=None)
    everything = load("test", replace(source, with_images=False))
    return tuple(example.id for example in everything.examples)


def vqav2() -> Task:
    return Task(
        name="vqav2",
        kind="vqa",
        load=load,
        metrics=(OFFICIAL, NORMALISED),
        results_format=vqa_results(
            {s: f"vqa_OpenEnded_mscoco_{name}_vqav2_results.json" for s, name in SUBSETS.items()},
            server_ids=server_ids,
        ),
    )
