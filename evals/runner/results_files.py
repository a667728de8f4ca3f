"""Results files in the benchmarks' official formats: a run's, written; anybody's, scored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.compose import build_task
from evals.config import TaskSettings, read_settings
from evals.errors import ConfigError, ResultsError
from evals.files import write_atomic
from evals.runner.loading import load_run
from evals.runner.scoring import pair_predictions
from evals.runner.session import Progress, Session
from evals.runner.summarising import read_answers, score_predictions
from evals.types import ResultsFormat, Task


@dataclass(frozen=True, slots=True)
class FileScores:
    """What a results file scores; the parts as a run's summary has them."""

    task: str
    split: str
    scores: Mapping[str, Mapping[str, Any]]
    breakdowns: Mapping[str, Mapping[str, Mapping[str, Any]]]
    num_queries: int


def export_run(
    run_dir: Path, out_dir: Path, progress: Progress, paths: Mapping[str, str] | None = None
) -> Path:
    """Write a run's answers in the official submission format; return the file.

    `paths` says where its data are now, if they were moved.

    Raises:
        ResultsError: a query is not answered, or the benchmark has no such format.
    """
    settings = read_settings(run_dir, paths)
    session = Session(settings, progress)
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    run = load_run(session, task, shots=shots, seed=seed, with_images=False)
    predictions = read_answers(run, run_dir, settings).predictions
    file = _format(run.task).write(task.split, predictions, replace(task.source, with_images=False))
    path = out_dir / file.file_name
    write_atomic(path, file.content)
    return path


def score_results_file(settings: TaskSettings, file: Path, *, partial: bool) -> FileScores:
    """Score a results file verbatim: annotations only, no pictures, no support split.

    Raises:
        DataError: the file is malformed.
        ResultsError: its ids are not the split's (missing ones are allowed with `partial`), or
            the split officially has no answers.
    """
    if not file.is_file():
        raise ConfigError(f"predictions={file}: no such file")
    task = build_task(settings.name, settings.plugin)
    split = task.load(settings.split, replace(settings.source, with_images=False))
    if not split.answered:
        raise ResultsError(
            f"{settings.name} {settings.split} officially has no answers: its server scores {file}"
        )
    answers = _format(task).read(file)
    predictions = pair_predictions(split.examples, answers, where=str(file), partial=partial)
    made = score_predictions(task, split, predictions)
    return FileScores(
        task=settings.name,
        split=settings.split,
        scores=made.scores,
        breakdowns=made.breakdowns,
        num_queries=len(predictions),
    )


def _format(task: Task) -> ResultsFormat:
    if task.results_format is None:
        raise ResultsError(f"task {task.name} has no results format; give its Task results_format")
    return task.results_format
