"""A run folder belongs to one set of answers: what continues it, and what is refused."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image as PilImages
from PIL import ImageOps

from evals.errors import ResultsError
from evals.records import read_records
from evals.runner import State, run_all, verify_run
from evals.runner.prompting import diff_prompts
from evals.summary import RunSummary
from tests.official import write_json
from tests.runner.calls import Silent, evaluate, make_data, open_session


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def invert_pictures(data_dir: Path, where: Path) -> Path:
    """Return a copy of a task's pictures with inverted colours."""
    for path in data_dir.rglob("*"):
        if path.suffix in (".jpg", ".png"):
            inverted = where / path.relative_to(data_dir)
            inverted.parent.mkdir(parents=True, exist_ok=True)
            with PilImages.open(path) as picture:
                ImageOps.invert(picture.convert("RGB")).save(inverted)
    return where


def run_memes(where: Path, *overrides: str) -> list[tuple[Path, RunSummary]]:
    data_dir = make_data("hateful_memes", where / "data" / "hateful_memes")
    words = ("task=hateful_memes", "model=mock", f"data_dir={data_dir}", "shots=2")
    return list(run_all(open_session(*words, *overrides)))


@pytest.mark.parametrize("task", ["hateful_memes", "vqav2"])
def test_other_pictures_are_refused_in_the_folder_and_nothing_is_written(
    task: str, tmp_path: Path
) -> None:
    run_dir, _ = evaluate(task, tmp_path)
    before = files_of(run_dir)
    pictures = invert_pictures(tmp_path / "data" / task, tmp_path / "inverted")
    with pytest.raises(ResultsError, match=r"answers to other prompts: that of query \S+ \(pict"):
        evaluate(task, tmp_path, f"image_dir={pictures}")
    assert files_of(run_dir) == before


def test_without_a_given_folder_other_pictures_are_another_run(tmp_path: Path) -> None:
    parent = f"run_dir={tmp_path / 'runs'}"
    both = ("shots=[0,2]", parent)  # several runs: run_dir is their parent
    first = run_memes(tmp_path, *both)
    pictures = invert_pictures(tmp_path / "data" / "hateful_memes", tmp_path / "inverted")
    second = run_memes(tmp_path, *both, f"image_dir={pictures}")
    assert {run_dir for run_dir, _ in first}.isdisjoint(run_dir for run_dir, _ in second)
    afresh = run_memes(
        tmp_path, "shots=[0,2]", f"run_dir={tmp_path / 'afresh'}", f"image_dir={pictures}"
    )
    assert [summary.scores for _, summary in second] == [summary.scores for _, summary in afresh]
    assert run_memes(tmp_path, *both) == first


def test_pictures_that_were_copied_elsewhere_continue_the_run(tmp_path: Path) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path, "limit=2")
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    moved = tmp_path / "copy" / "vqav2"
    shutil.rmtree(tmp_path / "data" / "vqav2" / "val2014")
    whole_dir, whole = evaluate("vqav2", tmp_path, f"image_dir={moved}")
    assert whole_dir == run_dir
    assert whole.num_queries == 4
    assert whole == evaluate("vqav2", tmp_path, f"image_dir={moved}")[1]


def test_a_picture_with_other_bytes_of_the_same_number_is_found_by_its_time(
    tmp_path: Path,
) -> None:
    """Of 600 pictures some are read to begin a run; this one is none of them."""
    data_dir = tmp_path / "data" / "textvqa"
    make_many_pictures(data_dir, number=600)
    evaluate("textvqa", tmp_path, "shots=0", "protocol=flamingo", "protocol.priming=none")
    pictures = sorted((data_dir / "train_images").iterdir())
    changed = pictures[pick_unread([path.stem for path in pictures])]
    content = bytearray(changed.read_bytes())
    content[-5] ^= 1
    changed.write_bytes(content)
    with pytest.raises(ResultsError, match=f"that of query {changed.stem} "):
        evaluate("textvqa", tmp_path, "shots=0", "protocol=flamingo", "protocol.priming=none")


def pick_unread(ids: list[str]) -> int:
    from evals.identity import NUM_READ, _draw

    read = set(sorted(ids, key=_draw)[:NUM_READ])
    return next(number for number, example_id in enumerate(ids) if example_id not in read)


def make_many_pictures(data_dir: Path, *, number: int) -> None:
    rows = []
    folder = data_dir / "train_images"
    folder.mkdir(parents=True)
    for example in range(number):
        picture = PilImages.new("RGB", (2, 2), (example % 256, example // 256, 7))
        picture.save(folder / f"{example}.jpg", format="BMP")
        rows.append({"question_id": example, "image_id": str(example), "question": "What?"})
    for row in rows:
        row["answers"] = ["word"] * 10
    for split in ("train", "val"):
        write_json(data_dir / f"TextVQA_0.5.1_{split}.json", {"data": rows})


def test_a_record_of_another_prompt_is_refused(tmp_path: Path) -> None:
    """Whoever copied records together from two folders gets no score of both."""
    run_dir, _ = evaluate("vqav2", tmp_path)
    path = run_dir / "records.jsonl"
    digest = next(read_records(run_dir)).prompt_sha256
    path.write_text(path.read_text().replace(digest, "0" * 64))
    with pytest.raises(ResultsError, match="answers to other prompts"):
        evaluate("vqav2", tmp_path)


def test_class_scores_over_several_orders_are_recognised(tmp_path: Path) -> None:
    first = evaluate("hateful_memes", tmp_path, "protocol=openflamingo")
    assert evaluate("hateful_memes", tmp_path, "protocol=openflamingo") == first
    os.utime(next((tmp_path / "data" / "hateful_memes" / "img").iterdir()), (1, 1))
    assert evaluate("hateful_memes", tmp_path, "protocol=openflamingo") == first


# ------------------------------------------------------------------------- limits


def test_a_smaller_limit_afterwards_keeps_the_plan(tmp_path: Path) -> None:
    run_dir, whole = evaluate("vqav2", tmp_path)
    plan = (run_dir / "plan.jsonl").read_bytes()
    _, part = evaluate("vqav2", tmp_path, "limit=1")
    assert part.num_queries == 1
    assert (run_dir / "plan.jsonl").read_bytes() == plan
    diff = diff_prompts(run_dir, run_dir, Silent())
    assert (diff.num_equal, diff.partings, diff.only) == (4, (), ((), ()))
    assert State.CHANGED not in {found.state for found in verify_run(run_dir, Silent())}
    assert evaluate("vqav2", tmp_path)[1] == whole


def test_a_larger_limit_afterwards_extends_the_plan(tmp_path: Path) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path, "limit=1")
    evaluate("vqav2", tmp_path, "limit=3")
    other_dir, _ = evaluate("vqav2", tmp_path / "afresh", "limit=3")
    assert (run_dir / "plan.jsonl").read_bytes() == (other_dir / "plan.jsonl").read_bytes()


def test_the_plan_that_is_scored_is_that_of_the_queries_that_are(tmp_path: Path) -> None:
    evaluate("vqav2", tmp_path)
    _, part = evaluate("vqav2", tmp_path, "limit=2")
    _, alone = evaluate("vqav2", tmp_path / "alone", "limit=2")
    assert part.plan_sha256 == alone.plan_sha256


def test_the_identity_is_json_that_says_its_schemas(tmp_path: Path) -> None:
    run_dir, summary = evaluate("vqav2", tmp_path)
    identity = json.loads((run_dir / "identity.json").read_text())
    assert identity["schema"] == 2
    assert identity["hash"] == summary.hash
    parts = {"run", "task", "queries", "support", "protocol", "plan", "model"}
    assert {name: identity[name]["schema"] for name in parts} == dict.fromkeys(parts, 1)
