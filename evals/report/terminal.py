"""A table for the terminal: five benchmarks side by side in a hundred columns."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from evals.report.cells import Cell
from evals.report.columns import Column
from evals.report.footnotes import (
    SPLIT_HEAD,
    SPLIT_NOTE,
    SPLIT_TITLE,
    explain,
    list_marks,
    list_splits,
    number_remarks,
    print_spread,
    print_value,
    share_remarks,
)
from evals.report.layout import Table

_SUPERSCRIPTS = str.maketrans(
    "abcdefghijklmnoprstuvwxyz0123456789", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁰¹²³⁴⁵⁶⁷⁸⁹"
)
_HEAD_WIDTH = 15
_SHOTS_WIDTH = 5
_GAP = 2


@dataclass(frozen=True, slots=True)
class _PrintedColumn:
    head: str
    cells: tuple[Cell | None, ...]
    texts: tuple[str, ...]
    """One for each row of the whole table, equally wide."""

    @property
    def width(self) -> int:
        return max(cell_len(line) for line in (*self.head.split("\n"), *self.texts))


@dataclass(frozen=True, slots=True)
class _FittedTable:
    """Decides at printing time which columns stand side by side."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return _draw(self.table, options.max_width)


def format_rich(table: Table) -> RenderableType:
    """Lay a table out: the label of a block in a line of its own, its shots beneath.

    Columns that do not fit into the terminal side by side follow beneath each other.
    """
    return _FittedTable(table)


def _draw(table: Table, width: int) -> Iterator[RenderableType]:
    marks = number_remarks(table)
    rows = [(row.cells, share_remarks(block)) for block in table.blocks for row in block.rows]
    columns = [
        _print_column(
            column,
            [cells[index] for cells, _ in rows],
            ["".join(list_marks(cells[index], shared, marks)) for cells, shared in rows],
        )
        for index, column in enumerate(table.columns)
    ]
    yield Text(table.title, style="bold")
    panels = _pack(columns, width)
    for panel in panels:
        yield from _draw_panel(table, panel, marks, keep_empty=len(panels) == 1)
        yield Text()
    for line in explain(table):
        yield Text(line, style="dim")
    notes = RichTable.grid(padding=(0, 1))
    for remark, mark in marks.items():
        notes.add_row(mark.translate(_SUPERSCRIPTS), Text(remark, style="dim"))
    for source in table.sources:
        notes.add_row("", Text(f"Source of {source}", style="dim"))
    yield notes
    yield from _draw_splits(table)


def _draw_splits(table: Table) -> Iterator[RenderableType]:
    splits = list_splits(table)
    if not splits:
        return
    yield Text()
    yield Text(SPLIT_TITLE, style="bold")
    grid = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    grid.add_column()
    for name in SPLIT_HEAD:
        grid.add_column(name, justify="right", vertical="bottom")
    series = ""
    for split in splits:
        if split.series != series:
            series = split.series
            grid.add_row(Text(series, style="bold cyan"))
        grid.add_row(Text(split.title), *split.texts)
    yield grid
    yield Text(SPLIT_NOTE, style="dim")


def _pack(columns: Sequence[_PrintedColumn], width: int) -> list[list[_PrintedColumn]]:
    panels: list[list[_PrintedColumn]] = [[]]
    used = _SHOTS_WIDTH
    for column in columns:
        if panels[-1] and used + _GAP + column.width > width:
            panels.append([])
            used = _SHOTS_WIDTH
        panels[-1].append(column)
        used += _GAP + column.width
    return panels


def _draw_panel(
    table: Table, panel: Sequence[_PrintedColumn], marks: Mapping[str, str], *, keep_empty: bool
) -> Iterator[RenderableType]:
    yield _make_grid(panel, show_header=True)
    yield Text("─" * (_SHOTS_WIDTH + sum(_GAP + column.width for column in panel)))
    start = 0
    for block in table.blocks:
        numbers = range(start, start + len(block.rows))
        start += len(block.rows)
        empty = not any(column.cells[number] for column in panel for number in numbers)
        if empty and not keep_empty:
            continue
        grid = _make_grid(panel, show_header=False)
        for number, row in zip(numbers, block.rows, strict=True):
            shots = "–" if row.shots is None else str(row.shots)
            grid.add_row(shots, *(Text(column.texts[number]) for column in panel))
        shared = "".join(marks[remark] for remark in share_remarks(block))
        title = f"{block.title} {shared.translate(_SUPERSCRIPTS)}".rstrip()
        yield Text(title, style="cyan" if block.against else "bold cyan")
        yield grid


def _make_grid(panel: Sequence[_PrintedColumn], *, show_header: bool) -> RichTable:
    # Without a box: its dividers would make the header wider than the rows of the blocks beneath.
    grid = RichTable(
        box=None,
        show_header=show_header,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
    )
    grid.add_column("shots", width=_SHOTS_WIDTH, justify="right", vertical="bottom")
    for column in panel:
        grid.add_column(Text(column.head), width=column.width, justify="right", vertical="bottom")
    return grid


def _print_column(
    column: Column, cells: Sequence[Cell | None], marks: Sequence[str]
) -> _PrintedColumn:
    """Print a column's cells, their decimal points and their marks beneath each other."""
    values = [print_value(cell) for cell in cells]
    spreads = [print_spread(cell) for cell in cells]
    notes = [mark.translate(_SUPERSCRIPTS) for mark in marks]
    value, spread, note = (max(map(len, texts)) for texts in (values, spreads, notes))
    gap = " " if spread else ""
    head = [line for part in column.title_lines for line in textwrap.wrap(part, _HEAD_WIDTH)]
    return _PrintedColumn(
        head="\n".join(head),
        cells=tuple(cells),
        texts=tuple(
            f"{one:>{value}}{gap}{two:<{spread}}{three:<{note}}"
            for one, two, three in zip(values, spreads, notes, strict=True)
        ),
    )
