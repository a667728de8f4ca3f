"""COCO captions (Chen et al. 2015): describe the picture in a sentence.

`train` and `val` are all images of captions_{train,val}2014.json; `karpathy_*` are the splits of
dataset_coco.json that papers report on. `karpathy_train` is without `karpathy_restval`, as
OpenFlamingo draws its demonstrations.
"""

from evals.data.annotation_files import choose_split, official_problems, refuse_questions
from evals.data.captions import CaptionFiles, read_captions
from evals.data.hub_examples import read_hub_captions
from evals.data.results import caption_results
from evals.metrics import CAPTIONS
from evals.types import ExampleSet, Source, Task

SPLITS = {
    "train": CaptionFiles("captions_train2014.json", "train2014"),
    "val": CaptionFiles("captions_val2014.json", "val2014"),
    "karpathy_train": CaptionFiles("dataset_coco.json", "train2014", karpathy="train"),
    "karpathy_restval": CaptionFiles("dataset_coco.json", "val2014", karpathy="restval"),
    "karpathy_val": CaptionFiles("dataset_coco.json", "val2014", karpathy="val"),
    "karpathy_test": CaptionFiles("dataset_coco.json", "val2014", karpathy="test"),
}


def load(split: str, source: Source) -> ExampleSet:
    files = choose_split(SPLITS, split, task="coco")
    if source.hub is not None:
        return read_hub_captions(split, source, task="coco")
    refuse_questions(source, task="coco")
    download = "https://cocodataset.org/#download (Karpathy's splits: caption_datasets.zip)"
    return read_captions(
        files, source, problems=official_problems("coco", split, download=download)
    )


def coco() -> Task:
    return Task(
        name="coco",
        kind="caption",
        load=load,
        metrics=(CAPTIONS,),
        results_format=caption_results(
            {
                s: f"captions_{s if files.karpathy else files.folder}_results.json"
                for s, files in SPLITS.items()
            }
        ),
    )
