"""TextVQA 0.5.1 (Singh et al. 2019, textvqa.org): questions about text in the picture.

Reads the official files and OpenFlamingo's conversion of them to the VQA format. Without OCR
tokens: none of the papers that we compare with shows them. The pictures of val lie in
train_images/ too.
"""

from evals.data.annotation_files import choose_split, official_problems
from evals.data.hub_examples import read_hub_vqa
from evals.data.results import vqa_results
from evals.data.textvqa import TextVqaFiles, read_textvqa
from evals.data.vqa import VqaFiles
from evals.metrics import M4C, NORMALISED, OFFICIAL
from evals.types import ExampleSet, Source, Task


def _files(split: str, *, folder: str, answered: bool = True) -> TextVqaFiles:
    return TextVqaFiles(
        official=f"TextVQA_0.5.1_{split}.json",
        vqa=VqaFiles(
            questions=f"{split}_questions_vqa_format.json",
            annotations=f"{split}_annotations_vqa_format.json" if answered else None,
            picture=f"{folder}/{{image_id}}.jpg",
        ),
    )


SPLITS = {
    "train": _files("train", folder="train_images"),
    "val": _files("val", folder="train_images"),
    "test": _files("test", folder="test_images", answered=False),
}


def load(split: str, source: Source) -> ExampleSet:
    files = choose_split(SPLITS, split, task="textvqa")
    if source.hub is not None:
        answered = files.vqa.annotations is not None
        return read_hub_vqa(split, source, task="textvqa", answered=answered)
    problems = official_problems("textvqa", split, download="https://textvqa.org/dataset")
    return read_textvqa(files, source, problems=problems)


def textvqa() -> Task:
    return Task(
        name="textvqa",
        kind="vqa",
        load=load,
        metrics=(OFFICIAL, NORMALISED, M4C),
        results_format=vqa_results({s: f"textvqa_{s}_results.json" for s in SPLITS}),
    )
