"""The two sides of the scorers' bench: each scores the same files in a process of its own.

Times start when predictions and references are read and everything is imported, except those of
whole commands, which are of a process from its start to its end.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evals.bench.answers import VqaFiles
from evals.bench.memory import read_peak_bytes
from evals.errors import EvalError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scored:
    """What a side took, and what it says, in percent."""

    seconds: float
    scores: Mapping[str, float]
    peak_bytes: int | None = None
    """Of its process, what it loaded included; unknown where other processes take part."""


def run_apart(work: Callable[..., T], *arguments: object) -> T:
    """Return what the function returns in a fresh process: nothing is cached, no memory shared."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def score_vqa(files: VqaFiles) -> Scored:
    """Score by the task's metrics, with errors and breakdowns."""
    import scipy.stats  # noqa: F401

    from evals.runner.summarising import score_predictions

    overrides = ["task=vqav2", "split=val", f"data_dir={files.data_dir}"]
    task, split, predictions = _load(overrides, files.results)
    start = time.perf_counter()
    made = score_predictions(task, split, predictions)
    seconds = time.perf_counter() - start
    of_groups = made.breakdowns["official"]
    scores = {group: 100 * score["value"] for group, score in of_groups.items()}
    scores["official"] = 100 * made.scores["official"]["value"]
    return Scored(seconds, scores, read_peak_bytes())


def run_score_command(files: VqaFiles) -> Scored:
    """Run `evals score` as a user does."""
    words = ["task=vqav2", "split=val", f"data_dir={files.data_dir}"]
    words += [f"predictions={files.results}"]
    seconds, said = _run_process("evals", "score", *words)
    return Scored(seconds, {"official": said["scores"]["official"]})


def run_official(clone: Path, files: VqaFiles) -> tuple[Scored, Scored]:
    """Return what the official evaluate() took and said, and its whole process."""
    paths = (files.questions, files.annotations, files.results)
    words = [str(path) for path in (clone, *paths)]
    seconds, said = _run_process("evals.bench.official_vqa", *words)
    return (
        Scored(said["seconds"], said["scores"], said["peak_bytes"]),
        Scored(seconds, {"official": said["scores"]["official"]}),
    )


def score_captions(annotations: Path, results: Path, with_seven: bool) -> tuple[Scored, ...]:
    """Return CIDEr, with its bootstrap error, and all seven scores; each from raw captions."""
    from evals.metrics import CAPTIONS
    from evals.metrics.caption import cider, tokenise

    overrides = ["task=coco", "split=val", f"annotations={annotations}"]
    _, _, predictions = _load(overrides, results)
    _import_pycocoevalcap()
    start = time.perf_counter()
    alone = cider(tokenise(predictions))
    only_cider = _scored(start, {alone.name: alone.value})
    if not with_seven:
        return (only_cider,)
    start = time.perf_counter()
    seven = CAPTIONS.compute(predictions)
    return only_cider, _scored(start, {score.name: score.value for score in seven})


def score_captions_by_pycocoevalcap(
    annotations: Path, results: Path, with_seven: bool
) -> tuple[Scored, ...]:
    """Return the same of pycocoevalcap, called as its eval.py does, on the Java that ours takes."""
    from evals.metrics.java import java_command

    java_dir = Path(java_command()[0]).parent
    os.environ["PATH"] = f"{java_dir}{os.pathsep}{os.environ.get('PATH', '')}"
    # Its Java writes to this process's stderr.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    modules = _import_pycocoevalcap()
    tokenizer = modules["tokenizer.ptbtokenizer"].PTBTokenizer()
    references: dict[int, list[dict[str, str]]] = {}
    for row in json.loads(annotations.read_bytes())["annotations"]:
        references.setdefault(row["image_id"], []).append({"caption": row["caption"]})
    answers = {
        row["image_id"]: [{"caption": row["caption"]}] for row in json.loads(results.read_bytes())
    }
    start = time.perf_counter()
    tokens = tokenizer.tokenize(references), tokenizer.tokenize(answers)
    cider = modules["cider.cider"].Cider().compute_score(*tokens)[0]
    only_cider = _scored(start, {"cider": cider})
    if not with_seven:
        return (only_cider,)
    bleu = modules["bleu.bleu"].Bleu(4).compute_score(*tokens, verbose=0)[0]
    seven = {f"bleu_{n}": value for n, value in enumerate(bleu, start=1)}
    seven["meteor"] = modules["meteor.meteor"].Meteor().compute_score(*tokens)[0]
    seven["rouge_l"] = modules["rouge.rouge"].Rouge().compute_score(*tokens)[0]
    return only_cider, _scored(start, {**seven, "cider": cider})


def _load(overrides: list[str], results: Path) -> Any:
    """Return task, split and predictions, read as `evals score` reads them."""
    from dataclasses import replace

    from evals.compose import build_task, compose_config
    from evals.config import parse_tasks
    from evals.runner.scoring import pair_predictions

    (settings,) = parse_tasks(compose_config(overrides), model=None)
    task = build_task(settings.name, settings.plugin)
    split = task.load(settings.split, replace(settings.source, with_images=False))
    assert task.results_format is not None
    answers = task.results_format.read(results)
    paired = pair_predictions(split.examples, answers, where=str(results), partial=False)
    return task, split, paired


def _import_pycocoevalcap() -> dict[str, Any]:
    from importlib import import_module

    names = ("tokenizer.ptbtokenizer", "bleu.bleu", "meteor.meteor", "rouge.rouge", "cider.cider")
    return {name: import_module(f"pycocoevalcap.{name}") for name in names}


def _scored(start: float, scores: Mapping[str, float | None]) -> Scored:
    seconds = time.perf_counter() - start
    return Scored(seconds, {name: 100 * float(value or 0) for name, value in scores.items()})


def _run_process(module: str, *words: str) -> tuple[float, Any]:
    """Return a module's seconds from start to end, and its last line's JSON.

    Raises:
        EvalError: it fails.
    """
    command = [sys.executable, "-m", module, *words]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise EvalError(f"{' '.join(command)}\nended with code {done.returncode}:\n{done.stderr}")
    return seconds, json.loads(done.stdout.splitlines()[-1])
