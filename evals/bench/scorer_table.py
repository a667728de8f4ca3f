"""What the scorers' bench found: rows of seconds and scores, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from evals.bench.official_vqa import DIGITS
from evals.bench.scorer_sides import Scored

SAME = 0.51 * 10**-DIGITS
"""Percentages are the same up to what the official evaluator rounds away."""
NOISE = 1.05
"""Slower by less is not told from as fast."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, round by round."""

    what: str
    num_answers: int
    ours: tuple[Scored, ...]
    theirs: tuple[Scored, ...]

    @property
    def seconds(self) -> tuple[float, float]:
        """The medians, ours first."""
        return _median_seconds(self.ours), _median_seconds(self.theirs)

    @property
    def is_compared(self) -> bool:
        return all(scored.scores for scored in self.theirs)

    def list_differences(self) -> list[str]:
        """Say which scores are not the same on both sides."""
        if not self.is_compared:
            return []
        found: dict[str, None] = {}
        for ours, theirs in zip(self.ours, self.theirs, strict=True):
            for name in sorted({*ours.scores, *theirs.scores}):
                mine, other = ours.scores.get(name), theirs.scores.get(name)
                if mine is None or other is None or not abs(mine - other) < SAME:
                    found[f"{self.what}: {name} is {mine} here, {other} there"] = None
        return [*found]

    def list_complaints(self) -> list[str]:
        ours, theirs = self.seconds
        slower = f"{self.what}: slower, {ours:.2f} s here, {theirs:.2f} s there"
        return self.list_differences() + [slower] * (ours > NOISE * theirs)


def print_table(rows: Sequence[Row], *, rounds: int, theirs: str) -> None:
    """Print to stdout.

    Args:
        rows: of the table.
        rounds: of which seconds are the medians.
        theirs: what the others are.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"our scorers beside the official ones, medians of {rounds} rounds",
        caption=f"theirs: {theirs}\nratio: theirs by ours; GB: peak memory, ours and theirs",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("what", no_wrap=True)
    for head in ("answers", "ours, s", "theirs, s", "ratio", "a second", "GB", "scores"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        mine, other = row.seconds
        table.add_row(
            row.what,
            f"{row.num_answers:,}",
            f"{mine:.2f}",
            f"{other:.2f}",
            f"{other / mine:.2f}",
            f"{row.num_answers / mine:,.0f}",
            _format_peaks(row),
            ("unequal" if row.list_differences() else "equal") if row.is_compared else "not run",
        )
    Console().print(table)


def to_json(row: Row) -> dict[str, Any]:
    ours, theirs = row.seconds
    return {
        "what": row.what,
        "answers": row.num_answers,
        "ours_seconds": [round(scored.seconds, 3) for scored in row.ours],
        "theirs_seconds": [round(scored.seconds, 3) for scored in row.theirs],
        "ratio": round(theirs / ours, 3),
        "answers_per_second": round(row.num_answers / ours, 1),
        "ours_peak_bytes": [scored.peak_bytes for scored in row.ours],
        "theirs_peak_bytes": [scored.peak_bytes for scored in row.theirs],
        "equal": not row.list_differences() if row.is_compared else None,
    }


def _median_seconds(side: Sequence[Scored]) -> float:
    return median(scored.seconds for scored in side)


def _format_peaks(row: Row) -> str:
    ours, theirs = (
        max(scored.peak_bytes or 0 for scored in side) for side in (row.ours, row.theirs)
    )
    return f"{ours / 1e9:.2f} {theirs / 1e9:.2f}" if ours and theirs else ""
