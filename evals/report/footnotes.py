"""Marks on cells, and what stands beneath a table."""

from collections.abc import Iterator, Mapping

from evals.report.layout import Cell, Table

_LETTERS = "abcdefghijklmnoprstuvwxyz"
"""Without q, which has no superscript form in most fonts."""


def number_remarks(table: Table) -> Mapping[str, str]:
    """Return remark -> mark (a, b, ... z, a2, b2, ...), in the order of the cells."""
    remarks = dict.fromkeys(
        remark for cell in iterate_cells(table) if cell is not None for remark in cell.remarks
    )
    return {remark: _mark(index) for index, remark in enumerate(remarks)}


def explain(table: Table) -> tuple[str, ...]:
    """Return the lines that explain the numbers: spread and what is missing."""
    cells = list(iterate_cells(table))
    present = [cell for cell in cells if cell is not None]
    lines = []
    if any(cell.standard_error is not None for cell in present):
        seeds = " and seeds" if any((cell.num_seeds or 0) > 1 for cell in present) else ""
        lines.append(f"±: one standard error, of queries{seeds}.")
    if any(cell.std is not None for cell in present):
        lines.append("In parentheses: standard deviation, as printed.")
    if None in cells:
        lines.append("–: no number.")
    return (" ".join(lines),) if lines else ()


def iterate_cells(table: Table) -> Iterator[Cell | None]:
    for block in table.blocks:
        for row in block.rows:
            yield from row.cells


def print_value(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    if cell.value is None:
        return "n/a"
    return str(cell.value) if cell.is_published else f"{cell.value:.1f}"


def print_spread(cell: Cell | None) -> str:
    if cell is None or cell.value is None:
        return ""
    if cell.standard_error is not None:
        return f"±{cell.standard_error:.1f}"
    return "" if cell.std is None else f"({cell.std:.1f})"


def _mark(index: int) -> str:
    lap, position = divmod(index, len(_LETTERS))
    return _LETTERS[position] + (str(lap + 1) if lap else "")
