"""Whether a run still is what it says: every score again, every fingerprint that is still there."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from evals.config import read_settings
from evals.demonstrations.plan import hash_plan, read_plan
from evals.digests import sha256_file
from evals.errors import DataError, EvalError, ResultsError
from evals.identity import hash_identity
from evals.provenance import fingerprint_pictures
from evals.query_scores import read_query_scores
from evals.records import read_failures, read_records
from evals.resources import tiny_checkpoint_dir
from evals.runner.loading import load_run
from evals.runner.recorded import OtherPromptsError, check_records
from evals.runner.run import list_pictures
from evals.runner.session import Progress, Session
from evals.runner.summarising import read_answers, score_predictions
from evals.store import PLAN, read_identity
from evals.summary import SUMMARY, RunSummary, read_scale, read_summary
from evals.types import Image


class State(StrEnum):
    HOLDS = "holds"
    CHANGED = "changed"
    GONE = "gone"
    """It cannot be looked at any more, which is no fault of the run's."""


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    state: State
    detail: str = ""


def verify_run(
    run_dir: Path, progress: Progress, paths: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Yield what was looked at, one finding each; nothing is written.

    `paths` says where its data are now, if they were moved.

    Raises:
        ResultsError: the folder is no finished run.
    """
    summary = read_summary(run_dir)
    yield _verify_identity(run_dir, summary)
    yield _verify_plan(run_dir, summary)
    with _reading(run_dir):
        yield from _verify_files(summary.answered)
    session = Session(read_settings(run_dir, paths), progress)
    yield from _verify_scores(run_dir, summary, session)
    yield from _verify_pictures(run_dir, summary, session)


@contextmanager
def _reading(run_dir: Path) -> Iterator[None]:
    """Name the summary where what it was answered from cannot be read inside."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ResultsError(
            f"{run_dir / SUMMARY} does not say what was answered from ({error!r:.300}); "
            f"`evals score {run_dir}` makes it again"
        ) from error


def _verify_identity(run_dir: Path, summary: RunSummary) -> Finding:
    return _compare("identity", summary.hash, hash_identity(read_identity(run_dir).values))


def _verify_plan(run_dir: Path, summary: RunSummary) -> Finding:
    query_ids = [query.id for query in read_query_scores(run_dir)]
    try:
        return _compare("plan", summary.plan_sha256, hash_plan(run_dir / PLAN, query_ids))
    except DataError as error:
        return Finding("plan", State.CHANGED, str(error))


def _verify_files(answered: Mapping[str, Any]) -> Iterator[Finding]:
    for part in ("queries", "support"):
        for name, digest in answered["data"][part]["files"].items():
            yield _verify_file(f"data file {Path(name).name}", Path(name), digest)
    model = answered["model"]
    folder = tiny_checkpoint_dir() if model["name"] == "tiny" else Path(model["checkpoint"])
    for name, digest in model["files"].items():
        if len(digest) == 64:  # a hub's small files are known by git's hash
            yield _verify_file(f"checkpoint file {name}", folder / name, digest)


def _verify_file(what: str, path: Path, digest: str) -> Finding:
    if not path.is_file():
        return Finding(what, State.GONE, f"{path} is not there")
    return _compare(what, digest, sha256_file(path, verify=True))


def _verify_scores(run_dir: Path, summary: RunSummary, session: Session) -> Iterator[Finding]:
    settings = session.settings
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    try:
        run = load_run(session, task, shots=shots, seed=seed, with_images=False)
    except DataError as error:
        yield Finding("scores", State.GONE, str(error).splitlines()[0])
        return
    answers = read_answers(run, run_dir, settings)
    yield _compare("prompts", summary.prompts_sha256, answers.prompts_sha256)
    scored = score_predictions(
        run.task, run.split, answers.predictions, is_sample=run.sampled is not None
    )
    for name in dict.fromkeys([*summary.scores, *scored.scores]):
        before, after = summary.scores.get(name, {}), scored.scores.get(name, {})
        versions = (before.get("metric_version"), after.get("metric_version"))
        if versions[0] != versions[1]:
            detail = f"version {versions[0]} of its metric, and {versions[1]} here"
            yield Finding(f"score {name}", State.CHANGED, detail)
        elif read_scale(before) != read_scale(after):
            detail = f"{read_scale(before)} then, {read_scale(after)} now"
            yield Finding(f"score {name}", State.CHANGED, detail)
        else:
            yield _compare(f"score {name}", before.get("value"), after.get("value"))


def _verify_pictures(run_dir: Path, summary: RunSummary, session: Session) -> Iterator[Finding]:
    """Read every picture that the prompts show, and word every recorded prompt again."""
    settings = session.settings
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    try:
        run = load_run(session, task, shots=shots, seed=seed, with_images=True)
        plan = read_plan(run_dir / PLAN)
        shown = list_pictures(run, plan, read_failures(run_dir))
        distinct = {id(picture): picture for picture in shown}.values()
        for picture in session.progress.track(distinct, "pictures", total=len(distinct)):
            picture.verify()
        yield _compare_pictures(run_dir, summary, distinct)
        check_records(
            *(run_dir, run, plan, session),
            num_records=sum(1 for _ in read_records(run_dir)),
            check_all=True,
        )
        yield Finding("recorded prompts", State.HOLDS)
    except OtherPromptsError as error:
        yield Finding("recorded prompts", State.CHANGED, str(error))
    except EvalError as error:
        yield Finding("pictures", State.GONE, str(error).splitlines()[0])


def _compare_pictures(run_dir: Path, summary: RunSummary, shown: Iterable[Image]) -> Finding:
    held = summary.answered.get("pictures")
    if held is None:
        return Finding("pictures", State.GONE, "the run was stopped before they were noted")
    with _reading(run_dir):
        # Older runs do not say of how many queries.
        num_queries, before = int(held.get("num_queries", summary.num_queries)), held["sha256"]
    if num_queries != summary.num_queries:
        detail = f"they were noted of {num_queries:,} queries, for another limit"
        return Finding("pictures", State.GONE, detail)
    return _compare("pictures", before, fingerprint_pictures(shown)["sha256"])


def _compare(what: str, before: object, after: object) -> Finding:
    if before == after:
        return Finding(what, State.HOLDS)
    return Finding(what, State.CHANGED, f"{_shorten(before)} then, {_shorten(after)} now")


def _shorten(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
