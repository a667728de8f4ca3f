"""A difference to read on a terminal: the cause, parts of the gap, and what else differs."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evals.difference.difference import Cause, Difference
from evals.report.names import name_score

NUM_SHOWN = 12
"""Other causes that are listed: packages alone may be a dozen."""


def format_difference(difference: Difference) -> RenderableType:
    """Lay a difference out; nothing of it is read as markup."""
    return Group(*_lay_out(difference))


def _lay_out(difference: Difference) -> Iterator[RenderableType]:
    yield Text(_describe(difference), style="bold")
    if difference.cause is None:
        yield Text("Nothing that was recorded differs: the runs are the same.")
    else:
        yield Text.assemble(("cause: ", "bold"), *_tell(difference.cause, style="bold"))
    if difference.parts:
        yield _make_parts(difference)
    others = difference.causes[1:]
    if others:
        yield Text("also:", style="bold")
        for cause in others[:NUM_SHOWN]:
            yield Text.assemble("  ", *_tell(cause, style=""))
        if len(others) > NUM_SHOWN:
            yield Text(f"  ... and {len(others) - NUM_SHOWN} more")
    for note in difference.notes:
        yield Text(f"note: {note}", style="yellow")


def _describe(difference: Difference) -> str:
    scale = difference.scale
    sides = [
        f"{letter} {name}  {'-' if value is None else scale.print(value)} "
        f"({name_score(headline or '').words or 'no score'})"
        for letter, name, value, headline in zip(
            "AB", difference.names, difference.values, difference.headlines, strict=True
        )
    ]
    gap = difference.gap
    moved = "" if gap is None else f"\nB - A  {scale.print(gap, signed=True)}{scale.arrow}"
    return "\n".join(sides) + moved


def _tell(cause: Cause, *, style: str) -> Sequence[tuple[str, str]]:
    query = f"; first query {cause.query_id}" if cause.query_id else ""
    detail = f" ({cause.detail})" if cause.detail else ""
    return (
        (f"{cause.layer}: ", "cyan"),
        (cause.what, style),
        (f": A {cause.before}, B {cause.after}{query}{detail}", ""),
    )


def _make_parts(difference: Difference) -> Table:
    scale, gap = difference.scale, difference.gap or 0.0
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("part", justify="right")
    table.add_column(f"of {scale.print(gap, signed=True)}, from")
    for part in difference.parts:
        table.add_row(Text(scale.print(part.value, signed=True)), Text(part.what))
    return table
