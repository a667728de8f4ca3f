"""All scores of one run, for the terminal: what `evals score` prints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from evals.report.comparability import list_reasons
from evals.report.names import name_score
from evals.summary import RunSummary, read_scale
from evals.types import Scale

MAX_PARTS = 12
"""A breakdown with more parts (VQAv2 has 65 question types) is left to summary.json."""


class Scored(Protocol):
    """What was scored: a run, or a results file made elsewhere."""

    @property
    def task(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def scores(self) -> Mapping[str, Mapping[str, Any]]: ...

    @property
    def breakdowns(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]: ...

    @property
    def num_queries(self) -> int: ...


def format_scores(scored: Scored) -> RenderableType:
    """Lay out every score with its error and interval, and the breakdowns; as papers print them.

    The protocol's headline is bold; what keeps a run from being the benchmark stands beneath.
    """
    run = scored if isinstance(scored, RunSummary) else None
    parts: list[RenderableType] = [Text(_describe(scored, run), style="bold")]
    if scored.scores:
        parts.append(_make_scores(scored.scores, headline=run.headline if run else None))
    scales = {name: read_scale(score) for name, score in scored.scores.items()}
    parts += _make_breakdowns(scored.breakdowns, scales)
    if not all(scale.higher_is_better for scale in scales.values()):
        parts.append(Text("↓: lower is better", style="dim"))
    if run:
        parts += [Text(f"note: {reason}", style="yellow") for reason in list_reasons(run)]
        if run.num_dropped:
            dropped = f"{run.num_dropped:,} of {run.num_queries:,}"
            text = f"note: {dropped} prompts lost demonstrations to the length limit"
            parts.append(Text(text, style="yellow"))
    return Group(*parts)


def _describe(scored: Scored, run: RunSummary | None) -> str:
    what = f"{scored.task} {scored.split}, {scored.num_queries:,} queries"
    if run is None:
        return what
    return f"{what}: {run.model}, protocol {run.protocol}, {run.shots} shots, seed {run.seed}"


def _make_scores(scores: Mapping[str, Mapping[str, Any]], *, headline: str | None) -> RichTable:
    grid = _make_grid("score", "value", "±", "95 %", "n")
    notes = any(score.get("note") for score in scores.values())
    if notes:
        grid.add_column("note", overflow="fold")
    for name, score in scores.items():
        title, scale = name_score(name).title, read_scale(score)
        cells = [
            (name if title == name else f"{name} ({title})") + scale.arrow,
            _print(score["value"], scale),
            _print(score.get("standard_error"), scale),
            _print_interval(score.get("interval"), scale),
            f"{score['num_examples']:,}",
            *([str(score.get("note", ""))] if notes else []),
        ]
        grid.add_row(*map(Text, cells), style="bold" if name == headline else None)
    return grid


def _make_breakdowns(
    breakdowns: Mapping[str, Mapping[str, Mapping[str, Any]]], scales: Mapping[str, Scale]
) -> Iterator[RenderableType]:
    """Yield a table for each key that a data set breaks down by: parts in rows, scores across."""
    names = [name for name, parts in breakdowns.items() if parts]
    every = dict.fromkeys(part for name in names for part in breakdowns[name])
    by_key: dict[str, list[str]] = {}
    for part in every:
        by_key.setdefault(part.partition("=")[0], []).append(part)
    for key, parts in by_key.items():
        if len(parts) > MAX_PARTS:
            yield Text(f"{key}: {len(parts)} parts, in summary.json", style="dim")
        else:
            yield _make_breakdown(key, parts, {name: breakdowns[name] for name in names}, scales)


def _make_breakdown(
    key: str,
    parts: Sequence[str],
    breakdowns: Mapping[str, Mapping[str, Mapping[str, Any]]],
    scales: Mapping[str, Scale],
) -> RichTable:
    grid = _make_grid(key, *(f"{name}{scales[name].arrow}" for name in breakdowns), "n")
    for part in parts:
        found = {name: scores.get(part, {}) for name, scores in breakdowns.items()}
        count = max(score.get("num_examples", 0) for score in found.values())
        values = [_print(score.get("value"), scales[name]) for name, score in found.items()]
        grid.add_row(*map(Text, (part.partition("=")[2], *values, f"{count:,}")))
    return grid


def _make_grid(first: str, *others: str) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column(first)
    for name in others:
        grid.add_column(name, justify="right")
    return grid


def _print_interval(interval: Sequence[float] | None, scale: Scale) -> str:
    if interval is None:
        return "–"
    low, high = (scale.print(end) for end in interval)
    return f"{low} to {high}"


def _print(value: float | None, scale: Scale) -> str:
    return "–" if value is None else scale.print(value)
