"""Whole runs on damaged annotations, and run folders with damaged files."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shutil import copytree, rmtree

from evals.compose import compose_config
from evals.config import parse_config
from evals.demonstrations import read_plan
from evals.query_scores import read_query_scores
from evals.records import read_failures, read_records
from evals.runner import Session, run_all, score_run, verify_run
from evals.summary import read_summary
from tests.fuzz.data_targets import V2
from tests.fuzz.targets import Target, read_files
from tests.official import write_picture, write_vqav2
from tests.runner.calls import Silent

FILES = (
    *("records.jsonl", "failures.jsonl", "plan.jsonl", "queries.jsonl", "summary.json"),
    *("answered.json", "identity.json", "config.yaml"),
)


def make_run_targets(folder: Path) -> Iterator[Target]:
    """Yield the targets; what is not damaged of their data lies where they are made."""
    home = folder / "run data"
    write_vqav2(home)
    for number in range(3):
        write_picture(home / "val2014" / f"COCO_val2014_{number:012d}.jpg", shade=number)
    words = ("task=vqav2", "model=mock", "shots=1", f"data_dir={home}")
    run = partial(_run, (*words, f"image_dir={home}"), folder / "runs")
    yield Target("run", read_files(home, *V2), V2, run, names_file=False)
    made = folder / "run"
    (home / "val2014" / "COCO_val2014_000000262155.jpg").write_bytes(b"")
    settings = parse_config(compose_config([*words, "on_error=record", f"run_dir={made}"]))
    list(run_all(Session(settings, Silent())))
    for name in FILES:
        rest = made / name
        read = partial(_score, made)
        names_file = name != "config.yaml"  # what a setting says is told by its own name
        files = {name: rest.read_bytes()}
        yield Target(f"run folder {name}", files, (name,), read, names_file=names_file)


def _run(words: tuple[str, ...], where: Path, folder: Path) -> None:
    """Ask the mock about the damaged questions; the demonstrations are sound."""
    questions, annotations = (folder / name for name in V2)
    own = (f"questions={questions}", f"annotations={annotations}", f"run_dir={where}")
    rmtree(where, ignore_errors=True)
    list(run_all(Session(parse_config(compose_config([*words, *own])), Silent())))


def _score(made: Path, folder: Path) -> None:
    """Read all files of a run folder, one of which is damaged; score it again."""
    whole = folder / "whole"
    copytree(made, whole)
    try:
        for path in folder.iterdir():
            if path.is_file():
                (whole / path.name).write_bytes(path.read_bytes())
        if (folder / "plan.jsonl").exists():
            list(read_plan(whole / "plan.jsonl").entries())
        list(read_records(whole))
        read_failures(whole)
        list(read_query_scores(whole))
        read_summary(whole)
        list(verify_run(whole, Silent()))
        score_run(whole, Silent())
    finally:
        rmtree(whole)
