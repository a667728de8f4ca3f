"""Why a run's number may not be read beside another: the footnotes of a table.

Of a run alone: other data, another size, changed settings. Beside published numbers: another
split, another paper's protocol, another kind of score, other demonstrations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evals.protocols import load_protocol
from evals.report.names import BENCHMARKS, name_score
from evals.report.series import Series
from evals.summary import RunSummary

PAPERS_SUPPORT = 2048
"""Examples that Flamingo, IDEFICS and OpenFlamingo draw demonstrations from."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A reference series whose numbers stand in the same column."""

    series: Series
    split: str
    variant: str


def find_headline(run: RunSummary) -> str | None:
    """Return the score that a table shows: the protocol's headline, else the first there is."""
    return run.headline or next(iter(run.scores), None)


def list_reasons(run: RunSummary, beside: Sequence[Beside] = ()) -> tuple[str, ...]:
    """Return in words what keeps a run's headline from being compared; nothing if nothing does."""
    reasons = [*_find_missing(run), *_compare_data(run), *_compare_settings(run)]
    if beside:
        reasons += _compare_published(run, beside)
    return tuple(reasons)


def published_score(series: Series, *, task: str, kind: str) -> str | None:
    """Return the score that a series' paper prints for a task, under our name for it."""
    if series.protocol is None:
        return None
    headline = load_protocol(series.protocol).headline
    return headline.get(task, headline.get(kind))


def _find_missing(run: RunSummary) -> Iterator[str]:
    if run.unscored:
        yield f"unscored: {run.unscored}"
        return
    name = find_headline(run)
    score = run.scores.get(name or "")
    if score is None:
        yield f"{name or 'a score'} is not among the run's scores"
    elif score["value"] is None:
        note = str(score.get("note") or "no reason given")
        yield f"{name} not computed: {note.removeprefix('not computed').lstrip(': ')}"


def _compare_data(run: RunSummary) -> Iterator[str]:
    limited = run.num_queries < run.num_split
    size = f"{run.num_queries:,} of {run.num_split:,} queries"
    if run.is_mini:
        yield "mini benchmark, not the real one" + (f" ({size})" if limited else "")
        return
    if limited:
        yield f"limit: {size}"
    if run.num_official is not None and run.num_split != run.num_official:
        yield (
            f"other data: {run.num_split:,} examples here; {run.split} officially has "
            f"{run.num_official:,}"
        )


def _compare_settings(run: RunSummary) -> Iterator[str]:
    if run.protocol_changes:
        yield f"protocol {run.protocol} with changed {', '.join(run.protocol_changes)}"
    if run.reference_split is None and run.benchmark in BENCHMARKS and not run.is_mini:
        yield f"split {run.split}, on which none of the papers reports"


def _compare_published(run: RunSummary, beside: Sequence[Beside]) -> Iterator[str]:
    if run.reference_split is not None and not run.is_mini:
        splits = {each.series.name: each.split for each in beside}
        if others := _list_others(run.reference_split, splits):
            yield f"other split: {run.reference_split} here; {others}"
    ways = {each.series.name: each.variant for each in beside if not each.series.protocol}
    if others := _list_others("", ways):
        yield f"measured otherwise: {others}"
    protocols = {each.series.name: each.series.protocol or "" for each in beside}
    if others := _list_others(run.protocol, protocols):
        yield f"other protocol: {run.protocol} here; {others}"
    own = name_score(find_headline(run) or "").words
    scores = {
        each.series.name: name_score(score).words
        for each in beside
        if (score := published_score(each.series, task=run.task, kind=run.kind))
    }
    if others := _list_others(own, scores):
        yield f"other score: {own} here; {others}"
    yield from _compare_demonstrations(run, beside)


def _compare_demonstrations(run: RunSummary, beside: Sequence[Beside]) -> Iterator[str]:
    fixed_priming = run.shots == 0 and run.sampler == "fixed"  # the protocol's, not the sampler's
    if not run.support_split or fixed_priming:
        return
    samplers = {each.series.name: each.series.sampler or "" for each in beside}
    if others := _list_others(run.sampler, samplers):
        yield f"other demonstrations: {run.sampler} here; {others}"
    drawn_alike = run.sampler == "random" and "random" in samplers.values()
    if drawn_alike and run.shots and not run.is_mini and run.num_support != PAPERS_SUPPORT:
        own = "the whole split" if run.num_support is None else f"{run.num_support:,} examples"
        yield f"other support set: {own} here; the papers: {PAPERS_SUPPORT:,} examples"


def _list_others(own: str, theirs: Mapping[str, str]) -> str:
    """Return `name, name: value; name: value` of every known value that is not ours."""
    groups = []
    for value in dict.fromkeys(theirs.values()):
        if value and value != own:
            names = ", ".join(name for name, other in theirs.items() if other == value)
            groups.append(f"{names}: {value}")
    return "; ".join(groups)
