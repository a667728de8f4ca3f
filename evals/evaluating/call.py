"""`evaluate`: the settings of `evals run` as arguments, its runs as the value."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evals.errors import ConfigError
from evals.evaluating.loaded import Loaded, describe_object, is_ours, name_loaded
from evals.evaluating.progress import choose_progress
from evals.evaluating.result import Evaluation
from evals.evaluating.words import write_word
from evals.secrets import hide_secrets
from evals.summary import read_summary
from evals.types import Model

if TYPE_CHECKING:
    from evals.config import Settings
    from evals.runner import Progress
    from evals.trackers import Tracker


def evaluate(
    task: str | Sequence[str] | None = None,
    *,
    model: str | Model | None = None,
    suite: str | None = None,
    protocol: str | None = None,
    shots: int | Sequence[int] | None = None,
    seed: int | Sequence[int] | None = None,
    limit: int | None = None,
    sample: int | None = None,
    sample_seed: int | None = None,
    split: str | None = None,
    support_split: str | None = None,
    source: Literal["files", "hub"] | None = None,
    data_dir: str | Path | None = None,
    image_dir: str | Path | None = None,
    questions: str | Path | None = None,
    annotations: str | Path | None = None,
    run_dir: str | Path | None = None,
    reference: str | Sequence[str] | None = None,
    tracker: str | None = None,
    report: str | Path | None = None,
    overrides: Sequence[str] = (),
    config_dir: str | Path | None = None,
    progress: bool = True,
    **model_settings: str | int | float | Path | None,
) -> Evaluation:
    """Evaluate a model: every combination of tasks, shots and seeds is a run.

    What is not given is as `configs/run.yaml` (or the suite) has it: the tiny checkpoint, four
    shots, seed 0, all queries, the protocol `idefics`. The same call again goes on where a stopped
    one ended, and answers nothing twice.

    Args:
        task: a task's name, or several.
        model: a model's name with `model_settings`, or one that is loaded: from `load_model`, or
            an object of your own that answers as `evals.types.Model` says. Of a loaded one the
            checkpoint's fingerprint is recorded; weights that were changed since are not seen.
        suite: a named set of tasks, shots and seeds.
        protocol: whose prompts, decoding and headline scores.
        shots: demonstrations of a prompt.
        seed: of the demonstrations.
        limit: the first queries only, so many.
        sample: or so many at random, all of each picture that is drawn; intervals are then about
            the whole split.
        sample_seed: of that draw.
        split: what is asked; the task's own default.
        support_split: where demonstrations come from; the task's own default.
        source: the official files, or the hub data sets named in the task's YAML.
        data_dir: the task's folder; else `$EVALS_DATA_DIR/<task>`, else `data/<task>`.
        image_dir: holds the pictures instead of the official folders.
        questions: a question file instead of the official one.
        annotations: an annotation file instead of the official one.
        run_dir: the run's folder, of several runs their parent; else `results/runs/`.
        reference: published series beneath the table, as `evals list references` names them.
        tracker: where finished runs are logged, as `evals list trackers` names them.
        report: a folder for pages that show every query of these runs.
        overrides: any other words of the command line: `["protocol.priming=none"]`.
        config_dir: a folder with more configs (`task/NAME.yaml`).
        progress: whether a bar on stderr shows how far it is.
        model_settings: `checkpoint`, `device` and what else the model's YAML has.

    Raises:
        ConfigError: a setting is unknown, missing or contradicts another.
        DataError: the data are not there, or not as they must be.
        CheckpointError: the checkpoint cannot be loaded.
        PromptError: a prompt does not fit the model.
        ResultsError: `run_dir` holds another run.
    """
    from evals.config import parse_config

    given = {
        "task": task,
        "suite": suite,
        "protocol": protocol,
        "shots": shots,
        "seed": seed,
        "limit": limit,
        "sample": sample,
        "sample_seed": sample_seed,
        "split": split,
        "support_split": support_split,
        "source": source,
        "data_dir": _expand(data_dir),
        "image_dir": _expand(image_dir),
        "questions": _expand(questions),
        "annotations": _expand(annotations),
        "run_dir": _expand(run_dir),
        "reference": [reference] if isinstance(reference, str) else reference,
        "tracker": tracker,
        "report": _expand(report),
    }
    words = [write_word(key, value) for key, value in given.items() if value is not None]
    folder = None if config_dir is None else str(_expand(config_dir))
    shown = choose_progress(shown=progress)
    if model is None or isinstance(model, str):
        named: dict[str, object] = {} if model is None else {"model": model}
        named |= {f"model.{key}": value for key, value in model_settings.items()}
        words += [write_word(key, value) for key, value in named.items()]
        return _run(parse_config(_compose([*words, *overrides], folder, model_settings)), shown)
    if model_settings:
        raise ConfigError(
            f"{', '.join(model_settings)}: no argument of `evaluate`, and no setting of a model "
            "that is loaded"
        )
    if is_ours(model):
        values = _compose([*words, *name_loaded(model), *overrides], folder)
    else:
        values = {**_compose([*words, *overrides], folder), "model": describe_object(model)}
    return _run(replace(parse_config(values), model=Loaded(model)), shown)


def _compose(
    words: Sequence[str], config_dir: str | None, model_settings: Iterable[str] = ()
) -> Mapping[str, Any]:
    from evals.compose import compose_config

    try:
        return compose_config(words, config_dir=config_dir)
    except ConfigError as error:
        taken = [key for key in model_settings if f"model.{key}" in str(error)]
        if not taken:
            raise
        raise ConfigError(
            f"{error}\n{', '.join(taken)}: no argument of `evaluate`, so taken as a setting of the "
            "model"
        ) from error


def _run(settings: "Settings", progress: "Progress") -> Evaluation:
    from evals.execution import spread_model
    from evals.pages import check_place
    from evals.runner import Session, run_all
    from evals.trackers import open_tracker

    if settings.report:
        check_place(settings.report)
    tracker = open_tracker(settings.values["tracker"])
    with spread_model(settings.values["execution"], settings.model) as spread:
        session = Session(replace(settings, model=spread), progress)
        run_dirs = tuple([run_dir for run_dir, _ in run_all(session)])
    made = Evaluation(
        run_dirs=run_dirs,
        summaries=tuple(map(read_summary, run_dirs)),  # as whoever reads the folders has them
        references=settings.references,
        report=_write_report(settings, run_dirs, progress),
    )
    if tracker is not None:
        _log(tracker, made, report_dir=settings.report)
    return made


def _write_report(
    settings: "Settings", run_dirs: Sequence[Path], progress: "Progress"
) -> Path | None:
    from evals.pages import write_report
    from evals.report.references import load_references, select_references

    if not settings.report:
        return None
    references = select_references(load_references(), settings.references)
    return write_report(run_dirs, settings.report, references=references, progress=progress)


def _log(tracker: "Tracker", made: Evaluation, *, report_dir: Path | None) -> None:
    from evals.trackers import make_series

    runs = list(zip(made.run_dirs, made.summaries, strict=True))
    try:
        for series in make_series(runs, report_dir=report_dir):
            tracker.log(series)
    except Exception as error:  # whatever it is: the scores are there
        warnings.warn(
            f"the scores are written, but not all are logged: {hide_secrets(str(error))}; "
            "`evals track` logs them",
            stacklevel=4,
        )


def _expand(path: str | Path | None) -> Path | None:
    """Read `~` as a shell does."""
    return None if path is None else Path(path).expanduser()
