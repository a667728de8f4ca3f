"""How cells are printed, marks on them, and what stands beneath a table."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from evals.report.cells import Cell
from evals.report.columns import Column
from evals.report.layout import Block, Table
from evals.stats import SeedSplit

_LETTERS = "abcdefghijklmnoprstuvwxyz"
"""Without q, which has no superscript form in most fonts."""

SPLIT_TITLE = "Where the error of several seeds comes from"
SPLIT_HEAD = ("±", "queries", "demonstrations", "one seed", "std")
SPLIT_NOTE = (
    "±: of the mean, from queries (no more seeds help) and from demonstrations (more seeds do), "
    "squared and added. One seed: the ± of a single seed. Std: of the seeds' scores, as papers "
    "print it."
)


@dataclass(frozen=True, slots=True)
class SplitCell:
    """The error of one cell taken apart."""

    series: str
    title: str
    """Its column and shots."""
    texts: tuple[str, ...]
    """In the order of `SPLIT_HEAD`."""


def list_splits(table: Table) -> tuple[SplitCell, ...]:
    """Return the cells of several seeds whose error could be taken apart."""
    return tuple(
        SplitCell(
            block.series,
            f"{_name(column, table)}, {row.shots} shots",
            _print(cell.split, column.scale.unit.digits + 1),
        )
        for block in table.blocks
        for index, column in enumerate(table.columns)
        for row in block.rows
        if (cell := row.cells[index]) is not None and cell.split is not None
    )


def share_remarks(block: Block) -> tuple[str, ...]:
    """Return the remarks that all of a block's cells have: its title is marked, not each cell."""
    cells = [cell for row in block.rows for cell in row.cells if cell is not None]
    if len(cells) < 2:
        return ()
    return tuple(r for r in cells[0].remarks if all(r in cell.remarks for cell in cells))


def list_marks(cell: Cell | None, shared: Container[str], marks: Mapping[str, str]) -> list[str]:
    """Return the marks of a cell's remarks, without those that its block shares."""
    if cell is None:
        return []
    return [marks[remark] for remark in cell.remarks if remark not in shared]


def number_remarks(table: Table) -> Mapping[str, str]:
    """Return remark -> mark (a, b, ... z, a2, b2, ...), in the order of blocks and cells."""
    remarks: dict[str, None] = {}
    for block in table.blocks:
        remarks |= dict.fromkeys(share_remarks(block))
        for row in block.rows:
            remarks |= dict.fromkeys(r for cell in row.cells if cell for r in cell.remarks)
    return {remark: _mark(index) for index, remark in enumerate(remarks)}


def explain(table: Table) -> tuple[str, ...]:
    """Return the lines that explain the numbers: spread and what is missing."""
    cells = list(iterate_cells(table))
    present = [cell for cell in cells if cell is not None]
    lines = []
    if not all(column.scale.higher_is_better for column in table.columns):
        lines.append("↓: lower is better.")
    if any(cell.standard_error is not None for cell in present):
        seeds = " and seeds" if any((cell.num_seeds or 0) > 1 for cell in present) else ""
        lines.append(f"±: one standard error, of queries{seeds}.")
    if any(cell.std is not None for cell in present):
        lines.append("In parentheses: standard deviation, as printed.")
    if any(cell.is_difference for cell in present):
        lines.append(
            "σ: a difference in standard errors, the run's and, where printed, that of the "
            "reference's seeds."
        )
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
    digits = cell.scale.unit.digits
    if cell.is_difference:
        return _print_signed(cell.value, digits)
    return str(cell.value) if cell.is_published else f"{cell.value:.{digits}f}"


def print_spread(cell: Cell | None) -> str:
    if cell is None or cell.value is None:
        return ""
    digits = cell.scale.unit.digits
    if cell.is_difference:
        return "" if cell.in_errors is None else f"{_print_signed(cell.in_errors, 1)}σ"
    if cell.standard_error is not None:
        return f"±{cell.standard_error:.{digits}f}"
    return "" if cell.std is None else f"({cell.std:.{digits}f})"


def _name(column: Column, table: Table) -> str:
    short = column.title_lines[0]
    alike = [other for other in table.columns if other.title_lines[0] == short]
    return short if len(alike) == 1 else column.title


def _print(split: SeedSplit, digits: int) -> tuple[str, ...]:
    parts = (split.standard_error, split.of_queries, split.of_demonstrations)
    return tuple(f"{part:.{digits}f}" for part in (*parts, split.one_seed, split.std))


def _print_signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _mark(index: int) -> str:
    lap, position = divmod(index, len(_LETTERS))
    return _LETTERS[position] + (str(lap + 1) if lap else "")
