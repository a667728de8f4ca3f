"""Pairs of runs with a planted cause of difference: each function makes run B of a base run A."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.difference import Layer
from evals.resources import tiny_checkpoint_dir
from tests.official import edit_json, write_picture
from tests.runner.calls import evaluate

QUESTIONS = "v2_OpenEnded_mscoco_val2014_questions.json"
ANNOTATIONS = "v2_mscoco_val2014_annotations.json"
TRAIN_QUESTIONS = "v2_OpenEnded_mscoco_train2014_questions.json"
TRAIN_ANNOTATIONS = "v2_mscoco_train2014_annotations.json"
FIRST, LAST = "262148000", "262157002"
"""The ids of the first and the last of the four questions."""
Plant = Callable[[Path, Path], Path]
"""(folder of base run A with its data, folder for B) -> run B."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A cause, and how it must be named."""

    name: str
    base: str
    plant: Plant
    layer: Layer
    what: str
    """What it must be called, at its beginning."""
    query_id: str | None = None
    """The query that must be named; `None`: any, or none."""


def again(task: str, *overrides: str, model: str = "mock") -> Plant:
    """Run the same task on the same data with other settings."""

    def plant(base: Path, where: Path) -> Path:
        shutil.copytree(base / "data", where / "data")
        return evaluate(task, where, *overrides, model=model)[0]

    return plant


def on_other_data(task: str, change: Callable[[Path], object], *overrides: str) -> Plant:
    """Run the same task on data that were changed."""

    def plant(base: Path, where: Path) -> Path:
        shutil.copytree(base / "data", where / "data")
        change(where / "data" / task)
        return evaluate(task, where, *overrides)[0]

    return plant


def with_json(name: str, change: Callable[[Any], object]) -> Plant:
    """Copy the run and change one of its files."""

    def plant(base: Path, where: Path) -> Path:
        run_dir = Path(shutil.copytree(base / "run", where / "run"))
        edit_json(run_dir / name, change)
        return run_dir

    return plant


def with_summary(*place: str, value: object) -> Plant:
    def change(summary: Any) -> None:
        for key in place[:-1]:
            summary = summary[key]
        summary[place[-1]] = value

    return with_json("summary.json", change)


def with_record(**changes: object) -> Plant:
    """Copy the run and change its second record."""

    def plant(base: Path, where: Path) -> Path:
        run_dir = Path(shutil.copytree(base / "run", where / "run"))
        lines = (run_dir / "records.jsonl").read_text().splitlines()
        lines[1] = json.dumps(json.loads(lines[1]) | changes)
        (run_dir / "records.jsonl").write_text("".join(f"{line}\n" for line in lines))
        return run_dir

    return plant


def with_checkpoint(change: Callable[[Path], object], *overrides: str) -> Plant:
    """Answer with a changed copy of the tiny checkpoint."""

    def plant(base: Path, where: Path) -> Path:
        shutil.copytree(base / "data", where / "data")
        checkpoint = Path(shutil.copytree(tiny_checkpoint_dir(), where / "idefics-tiny"))
        change(checkpoint)
        return evaluate("vqav2", where, *tiny_words(checkpoint), *overrides, model="idefics")[0]

    return plant


def tiny_words(checkpoint: Path) -> tuple[str, ...]:
    return (f"model.checkpoint={checkpoint}", "model.device=cpu", "model.num_workers=0", "limit=2")


def edit_question(number: int) -> Callable[[Any], None]:
    def edit(content: Any) -> None:
        content["questions"][number]["question"] += " Say it."

    return edit


def edit_answers(content: Any) -> None:
    for row in content["annotations"][0]["answers"]:
        row["answer"] = "dog"


def repaint(folder: Path, part: str, *, last: bool) -> None:
    pictures = sorted((folder / part).iterdir())
    write_picture(pictures[-1 if last else 0], shade=77)


def swap_label(folder: Path) -> None:
    path = folder / "test_seen.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[1]["label"] = 1 - rows[1]["label"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def write_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def set_value(name: str, key: str, value: object) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / name, lambda content: content.update({key: value}))


def reverse_plan(base: Path, where: Path) -> Path:
    """Answer with the base's plan, each query's demonstrations the other way round."""
    shutil.copytree(base / "data", where / "data")
    lines = (base / "run" / "plan.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines[1:]]
    for entry in entries:
        entry["demonstrations"].reverse()
    plan = where / "plan.jsonl"
    plan.write_text("\n".join([lines[0], *map(json.dumps, entries)]) + "\n")
    return evaluate("vqav2", where, f"demonstrations.plan={plan}")[0]


MEMES = "tasks.hateful_memes"
PLUGIN = f"{MEMES}._target_=tests.runner.plugins.memes"
DATA, DEMONSTRATIONS, PROMPT = Layer.DATA, Layer.DEMONSTRATIONS, Layer.PROMPT
ALL: tuple[Planted, ...] = (
    Planted("limit", "vqav2", again("vqav2", "limit=3"), DATA, "queries that only A", LAST),
    Planted("sample", "vqav2", again("vqav2", "sample=1"), DATA, "queries that only A has"),
    Planted(
        *("a question", "vqav2"),
        on_other_data("vqav2", lambda f: edit_json(f / QUESTIONS, edit_question(3))),
        *(DATA, "question", LAST),
    ),
    Planted(
        *("references", "vqav2"),
        on_other_data("vqav2", lambda f: edit_json(f / ANNOTATIONS, edit_answers)),
        *(DATA, "references", LAST),  # annotations stand in another order than questions
    ),
    Planted("a label", "memes", on_other_data("hateful_memes", swap_label), DATA, "label"),
    Planted("the split", "vqav2", again("vqav2", "split=train"), DATA, "split"),
    Planted(
        *("choices", "memes", again("hateful_memes", PLUGIN, f"+{MEMES}.choices=[nein,ja]")),
        *(DATA, "the task's choices"),
    ),
    Planted(
        *("a plugin's argument", "memes"),
        again("hateful_memes", PLUGIN, f"+{MEMES}.shown='Text '"),
        *(DATA, f"{MEMES}.shown"),
    ),
    Planted("shots", "vqav2", again("vqav2", "shots=1"), DEMONSTRATIONS, "demonstrations (shots=2"),
    Planted("seed", "vqav2", again("vqav2", "seed=3"), DEMONSTRATIONS, "demonstrations (seed=0, 3"),
    Planted(
        *("sampler", "vqav2", again("vqav2", "demonstrations.sampler=fixed")),
        *(DEMONSTRATIONS, "demonstrations (demonstrations.sampler=random, fixed"),
    ),
    Planted(
        *("support split", "vqav2", again("vqav2", "support_split=val")),
        *(DEMONSTRATIONS, "demonstrations (support_split=train, val", FIRST),
    ),
    Planted(
        *("size of the support set", "vqav2", again("vqav2", "demonstrations.num_support=3")),
        *(DEMONSTRATIONS, "demonstrations (demonstrations.num_support=2048, 3"),
    ),
    Planted("order of a plan", "vqav2", reverse_plan, DEMONSTRATIONS, "demonstrations", FIRST),
    Planted(
        *("which answer", "vqav2", again("vqav2", "++protocol.demonstration_answer.vqa=random")),
        *(DEMONSTRATIONS, "which answer is shown"),
    ),
    Planted(
        *("a demonstration's answer", "vqav2"),
        on_other_data("vqav2", lambda f: edit_json(f / TRAIN_ANNOTATIONS, edit_answers)),
        *(DEMONSTRATIONS, "a demonstration's references"),
    ),
    Planted(
        *("a demonstration's question", "vqav2"),
        on_other_data("vqav2", lambda f: edit_json(f / TRAIN_QUESTIONS, edit_question(0))),
        *(DEMONSTRATIONS, "a demonstration's question"),
    ),
    Planted(
        *("length", "vqav2", again("vqav2", "++protocol.max_tokens.vqa=60")),
        *(DEMONSTRATIONS, "demonstrations that fit the length", FIRST),
    ),
    Planted(
        *("instruction", "vqav2", again("vqav2", "++protocol.wording.vqa.prefix='Look: '")),
        *(PROMPT, "words", FIRST),
    ),
    Planted(
        *("template", "vqav2"),
        again("vqav2", r'++protocol.wording.vqa.example="<image>{question} A: {answer}\n"'),
        *(PROMPT, "words", FIRST),
    ),
    Planted(
        *("BOS", "vqav2", again("vqav2", "++protocol.wording.vqa.bos=false")),
        *(PROMPT, "words", FIRST),
    ),
    Planted(
        *("words of a choice", "memes"),
        again("hateful_memes", "++protocol.wording.hateful_memes.choice=': {answer}'"),
        *(PROMPT, "protocol.wording.choice"),
    ),
    Planted(
        *("a query's picture", "vqav2"),
        on_other_data("vqav2", lambda folder: repaint(folder, "val2014", last=True)),
        *(Layer.PIXELS, "the query's picture", LAST),
    ),
    Planted(
        *("a demonstration's picture", "vqav2"),
        on_other_data("vqav2", lambda folder: repaint(folder, "train2014", last=False)),
        *(Layer.PIXELS, "picture "),
    ),
    Planted(
        *("image processor", "tiny"),
        with_checkpoint(set_value("preprocessor_config.json", "image_mean", [0.1, 0.2, 0.3])),
        *(Layer.PIXELS, "checkpoint file preprocessor_config.json"),
    ),
    Planted(
        *("weights", "tiny", with_checkpoint(lambda f: write_last_byte(f / "model.safetensors"))),
        *(Layer.WEIGHTS, "checkpoint file model.safetensors"),
    ),
    Planted(
        *("tokenizer", "tiny", with_checkpoint(set_value("tokenizer_config.json", "x", 1))),
        *(Layer.WEIGHTS, "checkpoint file tokenizer_config.json"),
    ),
    Planted(
        *("dtype", "tiny", with_checkpoint(lambda folder: None, "model.dtype=bfloat16")),
        *(Layer.WEIGHTS, "model dtype"),
    ),
    Planted(
        *("fingerprint", "vqav2"),
        with_summary("answered", "model", "fingerprint", value="0" * 64),
        *(Layer.WEIGHTS, "model fingerprint"),
    ),
    Planted(
        *("model's settings", "vqav2", again("vqav2", "model.max_tokens=2000")),
        *(Layer.WEIGHTS, "model.max_tokens"),
    ),
    Planted(
        *("generation config", "tiny"),
        with_checkpoint(set_value("generation_config.json", "x", 1)),
        *(Layer.DECODING, "checkpoint file generation_config.json"),
    ),
    Planted(
        *("new tokens", "vqav2", again("vqav2", "protocol.decoding.vqa.max_new_tokens=2")),
        *(Layer.DECODING, "protocol.decoding.max_new_tokens"),
    ),
    Planted(
        *("beams", "vqav2", again("vqav2", "++protocol.decoding.vqa.num_beams=3")),
        *(Layer.DECODING, "protocol.decoding.num_beams"),
    ),
    Planted(
        *("forbidden", "vqav2", again("vqav2", "protocol.decoding.vqa.forbidden=[x]")),
        *(Layer.DECODING, "protocol.decoding.forbidden"),
    ),
    Planted(
        *("orders", "memes", again("hateful_memes", "protocol.num_orders=2")),
        *(Layer.DECODING, "protocol.num_orders"),
    ),
    Planted(
        *("truncation", "vqav2", again("vqav2", '++protocol.truncation.vqa.patterns=["[aeiou]"]')),
        *(Layer.TRUNCATION, "protocol.truncation"),
    ),
    Planted(
        *("class score", "memes", again("hateful_memes", "protocol.class_score=mean")),
        *(Layer.TRUNCATION, "protocol.class_score"),
    ),
    Planted(
        *("headline", "vqav2", again("vqav2", "protocol.headline.vqa=normalised")),
        *(Layer.SCORER, "headline"),
    ),
    Planted(
        *("metric's version", "vqav2"),
        with_summary("scores", "official", "metric_version", value=7),
        *(Layer.SCORER, "version of the metric of official"),
    ),
    Planted(
        *("task's version", "vqav2", with_summary("task_version", value=7)),
        *(Layer.SCORER, "version of the task"),
    ),
    Planted(
        *("packages", "vqav2"),
        with_summary("answered", "code", "packages", "torch", value="1.13.0"),
        *(Layer.VERSIONS, "packages.torch"),
    ),
    Planted(
        *("commit", "vqav2", with_summary("answered", "code", "commit", value="0" * 40)),
        *(Layer.VERSIONS, "commit"),
    ),
    Planted(
        *("device", "vqav2", with_summary("answered", "model", "device", value="cuda:9")),
        *(Layer.VERSIONS, "device"),
    ),
    Planted(
        *("Python", "vqav2", with_summary("answered", "code", "python", value="3.99.0")),
        *(Layer.VERSIONS, "python"),
    ),
    Planted(
        *("scorer's packages", "vqav2"),
        with_summary("scored", "packages", "scipy", value="0.1"),
        *(Layer.VERSIONS, "scored.packages.scipy"),
    ),
    Planted(
        *("rounding", "vqav2", with_record(text="another answer")),
        *(Layer.VERSIONS, "answers alone"),
    ),
)
BASES: Mapping[str, Callable[[Path], Path]] = {
    "vqav2": lambda where: evaluate("vqav2", where)[0],
    "memes": lambda where: evaluate("hateful_memes", where)[0],
    "tiny": lambda where: evaluate(
        "vqav2", where, *tiny_words(tiny_checkpoint_dir()), model="idefics"
    )[0],
}
