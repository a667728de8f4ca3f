"""Results tables: build one, print it five ways.

    table = build_table(summaries, select_references(load_references(), ["Flamingo-9B"]))
    print(format_markdown(table))

What does not bear comparison is marked on its number, and the reason stands beneath in words.
"""

from evals.report.cells import Cell
from evals.report.formats import format_csv, format_latex, format_markdown
from evals.report.layout import Block, Row, Table, build_table
from evals.report.scores import format_scores
from evals.report.terminal import format_rich

__all__ = [
    "Block",
    "Cell",
    "Row",
    "Table",
    "build_table",
    "format_csv",
    "format_latex",
    "format_markdown",
    "format_rich",
    "format_scores",
]
