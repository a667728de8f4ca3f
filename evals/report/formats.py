"""A table as text: Markdown, LaTeX (booktabs), CSV."""

import csv
import io
import re
from collections.abc import Callable, Mapping

from evals.report.footnotes import explain, number_remarks, print_spread, print_value
from evals.report.layout import Cell, Table

CSV_COLUMNS = (
    "series",
    "benchmark",
    "metric",
    "shots",
    "value",
    "standard_error",
    "num_queries",
    "num_seeds",
    "not_comparable",
)

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "–": "--",
    "[": "{[}",  # after a line break it would open an optional argument
}


def format_markdown(table: Table) -> str:
    """Write a GitHub table; footnote marks are `<sup>` letters, listed beneath."""
    marks = number_remarks(table)
    head = ["Model", "Shots", *(escape_markdown(column.title) for column in table.columns)]
    lines = [_join(head), _join(["---", *["---:"] * (len(head) - 1)])]
    for block in table.blocks:
        for index, row in enumerate(block.rows):
            series = escape_markdown(block.series) if index == 0 else ""
            cells = (_markdown_cell(cell, marks) for cell in row.cells)
            lines.append(_join([series, _print_shots(row.shots), *cells]))
    beneath = [
        *(escape_markdown(line) for line in explain(table)),
        *(f"<sup>{mark}</sup> {escape_markdown(remark)}" for remark, mark in marks.items()),
        *(f"Source of {escape_markdown(source)}" for source in table.sources),
    ]
    parts = [f"**{escape_markdown(table.title)}**", "\n".join(lines), "\\\n".join(beneath)]
    return "\n\n".join(part for part in parts if part) + "\n"


def format_latex(table: Table) -> str:
    """Write a `table` environment; the document needs the package booktabs."""
    marks = number_remarks(table)
    heads = [column.title_lines for column in table.columns]
    first = ["", "", *(escape_latex(title) for title, _ in heads)]
    second = ["Model", "Shots", *(escape_latex(score) for _, score in heads)]
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.title)}.}}",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) + 1)}}}",
        r"\toprule",
        _join_latex(first),
        _join_latex(second),
    ]
    for block in table.blocks:
        lines.append(r"\midrule")
        for index, row in enumerate(block.rows):
            series = escape_latex(block.series) if index == 0 else ""
            cells = (_latex_cell(cell, marks) for cell in row.cells)
            lines.append(_join_latex([series, escape_latex(_print_shots(row.shots)), *cells]))
    lines += [r"\bottomrule", r"\end{tabular}"]
    beneath = [
        *(escape_latex(line) for line in explain(table)),
        *(rf"\textsuperscript{{{mark}}} {escape_latex(text)}." for text, mark in marks.items()),
        *(f"Source of {escape_latex(source)}." for source in table.sources),
    ]
    if beneath:
        notes = " \\\\\n".join(beneath)
        lines += [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\footnotesize {notes}}}"]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def format_csv(table: Table) -> str:
    """Write a row for each cell that there is; `not_comparable` has ` | ` between its reasons."""
    rows = [
        (
            _join_lines(block.series),
            column.benchmark if cell.is_published else column.qualified_benchmark,
            cell.metric,
            *map(_or_empty, (row.shots, cell.value, cell.standard_error)),
            *map(_or_empty, (cell.num_queries, cell.num_seeds)),
            _join_lines(" | ".join(cell.not_comparable)),
        )
        for block in table.blocks
        for row in block.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell is not None
    ]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(dict.fromkeys(rows))  # a published number may stand in two columns
    return file.getvalue()


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "md": format_markdown,
    "latex": format_latex,
    "csv": format_csv,
}


def escape_markdown(text: str) -> str:
    """Escape what Markdown would read as markup, a table's bars included; keep it on one line."""
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", _join_lines(text))


def escape_latex(text: str) -> str:
    """Escape what LaTeX would read as a command; keep it on one line."""
    return "".join(_LATEX.get(character, character) for character in _join_lines(text))


def _join_lines(text: str) -> str:
    return " ".join(text.split())


def _markdown_cell(cell: Cell | None, marks: Mapping[str, str]) -> str:
    spread = print_spread(cell)
    mark = ",".join(_marks_of(cell, marks))
    text = f"{print_value(cell)} {spread}".strip()
    return f"{text} <sup>{mark}</sup>" if mark else text


def _latex_cell(cell: Cell | None, marks: Mapping[str, str]) -> str:
    text = escape_latex(f"{print_value(cell)} {print_spread(cell)}".strip())
    mark = ",".join(_marks_of(cell, marks))
    return rf"{text}\textsuperscript{{{mark}}}" if mark else text


def _marks_of(cell: Cell | None, marks: Mapping[str, str]) -> list[str]:
    return [marks[remark] for remark in cell.remarks] if cell is not None else []


def _print_shots(shots: int | None) -> str:
    return "–" if shots is None else str(shots)


def _or_empty(value: float | None) -> float | str:
    return "" if value is None else round(value, 6)


def _join(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _join_latex(cells: list[str]) -> str:
    return rf"{' & '.join(cells)} \\"
