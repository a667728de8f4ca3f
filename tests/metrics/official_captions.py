"""pycocoevalcap itself, to hold ours against: its tokenizer, and its evaluation of two files.

    python -m tests.metrics.official_captions ANNOTATIONS RESULTS FOLDER [METEOR]

evaluates as its coco_eval_example.py does and prints a line of JSON last: in a process of its own,
since it never ends its METEOR's. Scores that are named are left out, as is SPICE, which it would
fetch. It writes into the folder of its jar and calls `java`, so it is given a folder and our Java.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evals.metrics.java import jar_path, java_command


@contextmanager
def official_java(folder: Path) -> Iterator[None]:
    """Let pycocoevalcap find a `java`, and write into a folder that is not the installed one."""
    from pycocoevalcap.tokenizer import ptbtokenizer

    jar = jar_path("tokenizer/stanford-corenlp-3.4.1.jar")
    if not (folder / jar.name).exists():
        (folder / jar.name).symlink_to(jar)
    java_dir = Path(java_command()[0]).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{java_dir}{os.pathsep}{os.environ.get('PATH', '')}")
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setattr(ptbtokenizer, "__file__", str(folder / "ptbtokenizer.py"))
        yield


def tokenise_officially(captions: Mapping[str, Sequence[str]], folder: Path) -> list[list[str]]:
    """Return each image's captions as the official PTBTokenizer leaves them: one pass for all."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    rows = {image: [{"caption": text} for text in texts] for image, texts in captions.items()}
    with official_java(folder):
        tokens = PTBTokenizer().tokenize(rows)
    assert tokens.keys() == captions.keys()
    return [tokens[image] for image in captions]


def evaluate_officially(annotations: Path, results: Path, folder: Path, *left_out: str) -> Any:
    """Return what COCOEvalCap says of a results file: see `main`."""
    words = [*map(str, (annotations, results, folder)), *left_out]
    command = [sys.executable, "-m", __name__, *words]
    repository = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class LeftOut:
    """Stands for a scorer, and computes nothing."""

    def method(self) -> str:
        return "no"

    def compute_score(self, references: Any, hypotheses: Any) -> tuple[float, list[float]]:
        return 0.0, [0.0] * len(hypotheses)


def main(annotations: str, results: str, folder: str, *left_out: str) -> None:
    """Print the scores, each image's, and the orders of images of both published uses."""
    from pycocoevalcap import eval as official
    from pycocotools.coco import COCO

    official.Spice = LeftOut
    if "METEOR" in left_out:
        official.Meteor = LeftOut
    coco = COCO(annotations)
    coco_result = coco.loadRes(results)
    evaluation = official.COCOEvalCap(coco, coco_result)
    image_ids = evaluation.params["image_id"]
    evaluation.params["image_id"] = coco_result.getImgIds()
    with official_java(Path(folder)):
        evaluation.evaluate()
    said = {
        "scores": {
            name: float(value)
            for name, value in evaluation.eval.items()
            if name not in {"SPICE", *left_out}
        },
        "per_image": {
            name: {row["image_id"]: float(row[name]) for row in evaluation.evalImgs}
            for name in {"METEOR", "ROUGE_L", "CIDEr"} - set(left_out)
        },
        "image_ids": image_ids,
        "image_ids_with_result": coco_result.getImgIds(),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
