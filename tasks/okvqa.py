"""OK-VQA (Marino et al. 2019, okvqa.allenai.org): questions that need outside knowledge.

Each question has five people's answers, each twice: `answer` is stemmed, `raw_answer` as typed.
Demonstrations show the raw one; which of them scores is the metric's matter.
"""

from evals.data.annotation_files import choose_split, official_problems
from evals.data.hub_examples import read_hub_vqa
from evals.data.results import vqa_results
from evals.data.vqa import VqaFiles, read_vqa
from evals.metrics import NORMALISED, OFFICIAL, OPENFLAMINGO_STEMMED, RAW_ANSWERS
from evals.types import ExampleSet, Source, Task


def _files(subset: str) -> VqaFiles:
    return VqaFiles(
        questions=f"OpenEnded_mscoco_{subset}_questions.json",
        annotations=f"mscoco_{subset}_annotations.json",
        picture=f"{subset}/COCO_{subset}_{{image_id:0>12}}.jpg",
        raw_answers=True,
    )


SPLITS = {"train": _files("train2014"), "val": _files("val2014")}


def load(split: str, source: Source) -> ExampleSet:
    files = choose_split(SPLITS, split, task="okvqa")
    if source.hub is not None:
        return read_hub_vqa(split, source, task="okvqa")
    problems = official_problems("okvqa", split, download="https://okvqa.allenai.org/download.html")
    return read_vqa(files, source, problems=problems)


def okvqa() -> Task:
    return Task(
        name="okvqa",
        kind="vqa",
        load=load,
        metrics=(OFFICIAL, NORMALISED, RAW_ANSWERS, OPENFLAMINGO_STEMMED),
        results_format=vqa_results(
            {s: f"vqa_OpenEnded_mscoco_{s}2014_okvqa_results.json" for s in SPLITS}
        ),
    )
