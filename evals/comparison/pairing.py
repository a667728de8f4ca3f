"""Two runs' queries side by side, if they may stand so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.errors import ResultsError, list_problems
from evals.query_scores import QueryScore, read_query_scores
from evals.summary import RunSummary, read_scale, read_summary


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A finished run: what it is, and what each of its queries scored."""

    name: str
    summary: RunSummary
    queries: Mapping[str, QueryScore]
    """By id, in the order of the split."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What one query became in two runs."""

    before: QueryScore
    after: QueryScore


def read_run(run_dir: Path) -> ScoredRun:
    """Read a finished run.

    Raises:
        ResultsError: it is not finished, or was scored before queries' scores were kept.
    """
    queries = {query.id: query for query in read_query_scores(run_dir)}
    return ScoredRun(run_dir.resolve().name, read_summary(run_dir), queries)


def pair_queries(before: ScoredRun, after: ScoredRun, *, same_data: bool = True) -> list[Pair]:
    """Pair two runs' queries by id.

    Raises:
        ResultsError: the runs are not comparable; every reason is listed.
    """
    reasons = find_reasons(before, after, same_data=same_data)
    if reasons:
        raise ResultsError(
            f"{before.name} and {after.name} are not comparable:\n{list_problems(reasons)}"
        )
    return [Pair(query, after.queries[query.id]) for query in before.queries.values()]


def find_reasons(before: ScoredRun, after: ScoredRun, *, same_data: bool = True) -> list[str]:
    """Return why two runs' scores say nothing about each other; empty where they do.

    With `same_data`, other questions or references are a reason, too.
    """
    one, other = before.summary, after.summary
    reasons = [
        f"{what}: {values[0]!r} and {values[1]!r}"
        for what, values in {
            "task": _name_tasks(one, other),
            "task version": (one.task_version, other.task_version),
            "split": (one.split, other.split),
        }.items()
        if values[0] != values[1]
    ]
    if one.unscored or other.unscored:
        reasons.append(f"no scores: {one.unscored or other.unscored}")
    if not reasons and same_data and not has_same_data(before, after):
        reasons.append("the queries have other questions or references")
    lost = sorted(before.queries.keys() ^ after.queries.keys())
    if lost:
        reasons.append(
            f"{len(lost)} queries are in one run only, first {lost[0]} (a limit? run the shorter "
            "one again with the larger limit: it goes on where it ended)"
        )
    reasons += [
        f"score {name}: version {score['metric_version']} and "
        f"{other.scores[name]['metric_version']} of its metric; `evals score` both again"
        for name, score in one.scores.items()
        if name in other.scores and score["metric_version"] != other.scores[name]["metric_version"]
    ]
    reasons += [
        f"score {name}: {read_scale(score)}, and {read_scale(other.scores[name])}; `evals score` "
        "both again, and freeze a baseline anew"
        for name, score in one.scores.items()
        if name in other.scores and read_scale(score) != read_scale(other.scores[name])
    ]
    return reasons


def has_same_data(before: ScoredRun, after: ScoredRun) -> bool:
    """Return whether two runs' queries were the same, wherever their files lie.

    By content; where a run does not say (an older one), by the bytes of the files.
    """
    one, other = (run.summary.answered["data"]["queries"] for run in (before, after))
    if "examples" in one and "examples" in other:
        return bool(one["examples"] == other["examples"])
    files = [(sorted(each["files"].values()), each["revision"]) for each in (one, other)]
    return files[0] == files[1]


def find_cautions(before: ScoredRun, after: ScoredRun) -> list[str]:
    """Return what else differs than what is probably compared; the scores can be compared."""
    one, other = before.summary, after.summary
    cautions = []
    if one.shots == other.shots and one.seed == other.seed and one.protocol == other.protocol:
        if one.plan_sha256 != other.plan_sha256:
            cautions.append("the plans differ: other demonstrations were shown")
        if one.prompts_sha256 != other.prompts_sha256:
            cautions.append("the prompts differ (`evals prompts --diff` shows where)")
    if one.num_failures or other.num_failures:
        cautions.append(
            f"queries with unreadable pictures, scored as wrong: {one.num_failures:,} and "
            f"{other.num_failures:,}"
        )
    differing = {
        "protocol": (one.protocol, other.protocol),
        "shots": (one.shots, other.shots),
        "seed": (one.seed, other.seed),
        "dtype": (_model(one, "dtype"), _model(other, "dtype")),
    }
    cautions += [
        f"{what}: {values[0]} and {values[1]}"
        for what, values in differing.items()
        if values[0] != values[1]
    ]
    return cautions


def _name_tasks(one: RunSummary, other: RunSummary) -> tuple[str, str]:
    """Return what two runs' tasks are: two configs may call one plugin's task differently."""
    if one.task_name and other.task_name:
        return one.task_name, other.task_name
    return one.task, other.task


def _model(summary: RunSummary, key: str) -> str:
    return str(summary.answered["model"][key])
