"""Comparisons to read: on a terminal, as Markdown, CSV and JSON.

Markdown has scores as papers print them, CSV and JSON their natural values beside their units.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from evals.comparison.compare import Comparison, ScoreComparison
from evals.report.names import name_score
from evals.stats import Interval
from evals.types import Scale

COLUMNS = ("score", "A", "B", "B - A", "95 %", "p", "test", "detectable")


def format_comparisons(comparisons: Sequence[Comparison], style: str) -> str:
    """Return all comparisons in one of `FORMATS`."""
    return FORMATS[style](comparisons)


def _format_markdown(comparisons: Sequence[Comparison]) -> str:
    return "\n".join(line for each in comparisons for line in (*_describe(each), ""))


def _describe(comparison: Comparison) -> Iterator[str]:
    summary = comparison.before.summary
    yield f"## {summary.task} {summary.split}, {summary.shots} shots"
    yield ""
    yield f"- A: `{comparison.before.name}`"
    yield f"- B: `{comparison.after.name}`"
    yield f"- {len(comparison.before.queries)} queries on {comparison.num_pictures} pictures"
    yield from (f"- Caution: {caution}" for caution in comparison.cautions)
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|---|{'--:|' * (len(COLUMNS) - 1)}"
    for score in comparison.scores.values():
        cells = list(_row(score))
        if score.name == comparison.headline:
            cells[0] = f"**{cells[0]}**"
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield f"{conclude(comparison)}"
    if comparison.changed:
        yield ""
        yield "| query | A answered | B answered |"
        yield "|---|---|---|"
        for pair in comparison.changed:
            answers = (escape(pair.before.answer), escape(pair.after.answer))
            yield f"| {escape(pair.before.id)} | {answers[0]} | {answers[1]} |"


def conclude(comparison: Comparison) -> str:
    """Return what the headline says, in a sentence."""
    main, p_value, scale = comparison.main, comparison.adjusted_p, comparison.main.scale
    name = name_score(main.name).words
    if not scale.higher_is_better:
        name = f"{name} ({scale.direction})"
    if main.assessment is None or p_value is None:
        return f"{name} cannot be tested."
    difference = main.assessment.difference.value
    detectable = main.assessment.smallest_detectable
    limit = "" if detectable is None else f"; {scale.print(detectable)} would be found 4 times of 5"
    tested = f"(p {_relate_p(p_value)} after Holm{limit})"
    if p_value < 0.05:
        move = "rose" if difference > 0 else "fell"
        side = "better" if scale.improve(difference) > 0 else "worse"
        said = f"{name} {move} by {scale.print(abs(difference))}, for the {side} {tested}."
    else:
        moved = scale.print(difference, signed=True)
        said = f"No difference in {name} is shown: {moved} {tested}."
    if main.outcomes is None:
        return said
    of = main.outcomes
    return f"{said} Queries: {of.better:,} better, {of.worse:,} worse, {of.equal:,} alike."


def _row(score: ScoreComparison) -> Iterator[str]:
    scale = score.scale
    yield f"{name_score(score.name).title}{scale.arrow}"
    yield scale.print(score.before)
    yield scale.print(score.after)
    yield scale.print(score.after - score.before, signed=True)
    made = score.assessment
    if made is None:
        yield from ("-", "-", "of the whole only", "-")
        return
    interval = made.difference.interval
    yield "-" if interval is None else print_interval(interval, scale)
    exact = "" if made.exact_p is None else f" (exact {_print_p(made.exact_p)})"
    yield "-" if made.p_value is None else f"{_print_p(made.p_value)}{exact}"
    yield made.test
    detectable = made.smallest_detectable
    yield "-" if detectable is None else scale.print(detectable)


def print_interval(interval: Interval, scale: Scale) -> str:
    """Return the ends of a difference's interval with their signs."""
    return " to ".join(scale.print(end, signed=True) for end in interval)


def _print_p(p_value: float) -> str:
    return f"{p_value:.4f}" if p_value >= 0.0001 else "< 0.0001"


def _relate_p(p_value: float) -> str:
    """Return what stands behind the letter p in a sentence."""
    printed = _print_p(p_value)
    return printed if printed.startswith("<") else f"= {printed}"


def escape(text: str) -> str:
    """Keep a text in its cell, and Markdown's signs as signs."""
    shown = " ".join(text.split())
    for sign in "\\`*_[]<>|":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def _format_csv(comparisons: Sequence[Comparison]) -> str:
    rows = [row for comparison in comparisons for row in _list_rows(comparison)]
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _list_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    summary = comparison.before.summary
    for score in comparison.scores.values():
        made = score.assessment
        difference = None if made is None else made.difference
        interval = None if difference is None else difference.interval
        yield {
            "task": summary.task,
            "split": summary.split,
            "shots": summary.shots,
            "before": comparison.before.name,
            "after": comparison.after.name,
            "score": score.name,
            "headline": score.name == comparison.headline,
            "num_queries": len(comparison.before.queries),
            "num_pictures": comparison.num_pictures,
            "value_before": score.before,
            "value_after": score.after,
            "difference": score.after - score.before,
            "standard_error": None if difference is None else difference.standard_error,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "p_value": None if made is None else made.p_value,
            "exact_p": None if made is None else made.exact_p,
            "adjusted_p": comparison.adjusted_p if score.name == comparison.headline else None,
            "test": None if made is None else made.test,
            "smallest_detectable": None if made is None else made.smallest_detectable,
            "higher_is_better": score.scale.higher_is_better,
            "unit": score.scale.unit.value,
            "num_better": None if score.outcomes is None else score.outcomes.better,
            "num_worse": None if score.outcomes is None else score.outcomes.worse,
        }


def _format_json(comparisons: Sequence[Comparison]) -> str:
    values = [
        {
            "cautions": list(comparison.cautions),
            "scores": list(_list_rows(comparison)),
            "changed": [
                {"id": p.before.id, "before": p.before.answer, "after": p.after.answer}
                for p in comparison.changed
            ],
        }
        for comparison in comparisons
    ]
    return json.dumps({"comparisons": values}, ensure_ascii=False, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[Comparison]], str]] = {
    "md": _format_markdown,
    "csv": _format_csv,
    "json": _format_json,
}
