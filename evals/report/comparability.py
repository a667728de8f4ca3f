"""Why a run's number may not be read beside another: the footnotes of a table.

Of a run alone: other data, another size, changed settings. Beside a published number: another
split, another paper's protocol, another kind of score, other demonstrations.
"""

from collections.abc import Iterator

from evals.protocols import load_protocol
from evals.report.names import BENCHMARKS, name_score
from evals.report.references import Reference
from evals.report.series import Series
from evals.summary import RunSummary, read_scale

PAPERS_SUPPORT = 2048
"""Examples that Flamingo, IDEFICS and OpenFlamingo draw demonstrations from."""


def find_headline(run: RunSummary) -> str | None:
    """Return the score that a table shows: the protocol's headline, else the first there is."""
    return run.headline or next(iter(run.scores), None)


def list_reasons(run: RunSummary) -> tuple[str, ...]:
    """Return in words what keeps a run's headline from being the benchmark's number."""
    return (*_find_missing(run), *_compare_data(run), *_compare_settings(run))


def list_differences(run: RunSummary, reference: Reference) -> tuple[str, ...]:
    """Return in words in which ways a published number was made otherwise than a run's headline."""
    return tuple(_compare_published(run, reference))


def published_score(series: Series, *, task: str, kind: str) -> str | None:
    """Return the score that a series' paper prints for a task (`Task.name`), under our name."""
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
    if run.identity_schema < 2:
        yield (
            "answers of an older evals, whose run folders did not keep pictures, choices and "
            "plugin arguments apart: whether all are of these settings cannot be known"
        )
    if run.is_other_data:
        yield "scored against other data than it was answered from"
    if run.num_failures:
        yield (
            f"{run.num_failures:,} of {run.num_queries:,} queries' pictures unreadable: scored as "
            "wrong"
        )
    limited = run.num_queries < run.num_split
    size = describe_size(run)
    if run.is_mini:
        yield "mini benchmark, not the real one" + (f" ({size})" if limited else "")
        return
    if limited:
        yield f"{'limit' if run.sample is None else 'sample'}: {size}"
    if run.num_official is not None and run.num_split != run.num_official:
        yield (
            f"other data: {run.num_split:,} examples here; {run.split} officially has "
            f"{run.num_official:,}"
        )


def describe_size(run: RunSummary) -> str:
    """Return how many of a split's queries were asked, and which."""
    of = f"of {run.num_split:,} queries"
    if run.num_queries == run.num_split:
        return f"{run.num_queries:,} {of}"
    if run.sample is None:
        return f"the first {run.num_queries:,} {of}"
    return f"{run.num_queries:,} {of}, drawn at random (seed {run.sample_seed})"


def _compare_settings(run: RunSummary) -> Iterator[str]:
    if run.protocol_changes:
        yield f"protocol {run.protocol} with changed {', '.join(run.protocol_changes)}"
    if run.reference_split is None and run.benchmark in BENCHMARKS and not run.is_mini:
        yield f"split {run.split}, on which none of the papers reports"


def _compare_published(run: RunSummary, reference: Reference) -> Iterator[str]:
    series = reference.series
    if run.reference_split not in (None, reference.split) and not run.is_mini:
        yield f"split: {run.reference_split}, not {reference.split}"
    if series.protocol is None:
        yield f"measured otherwise: {reference.variant}"
    elif series.protocol != run.protocol:
        yield f"protocol: {run.protocol}, not {series.protocol}"
    own = name_score(find_headline(run) or "").words
    published = published_score(series, task=run.task_name or run.task, kind=run.kind)
    if published and name_score(published).words != own:
        yield f"score: {own}, not {name_score(published).words}"
    scale = read_scale(run.scores.get(find_headline(run) or "", {}))
    if scale != reference.scale:
        yield f"score: {scale}; not {reference.scale}"
    yield from _compare_demonstrations(run, series)


def _compare_demonstrations(run: RunSummary, series: Series) -> Iterator[str]:
    fixed_priming = run.shots == 0 and run.sampler == "fixed"  # the protocol's, not the sampler's
    if not run.support_split or fixed_priming or series.sampler is None:
        return
    if run.sampler != series.sampler:
        yield f"demonstrations: {run.sampler}, not {series.sampler}"
        return
    drawn_alike = run.sampler == "random" and run.shots > 0 and not run.is_mini
    if drawn_alike and run.num_support != PAPERS_SUPPORT:
        own = "the whole split" if run.num_support is None else f"{run.num_support:,}"
        yield f"support set: {own}, not {PAPERS_SUPPORT:,} examples"
