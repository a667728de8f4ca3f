"""A table as text: Markdown, LaTeX (booktabs), CSV."""

import csv
import io
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

from evals.report.cells import Cell
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

CSV_COLUMNS = (
    "series",
    "against",
    "benchmark",
    "metric",
    "shots",
    "value",
    "standard_error",
    "low",
    "high",
    "std_of_seeds",
    "error_of_queries",
    "error_of_demonstrations",
    "in_standard_errors",
    "num_queries",
    "num_seeds",
    "not_comparable",
    "unit",
    "higher_is_better",
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
    "↓": r"$\downarrow$",
    "[": "{[}",  # after a line break it would open an optional argument
}


def format_markdown(table: Table) -> str:
    """Write a GitHub table; footnote marks are `<sup>` letters, listed beneath."""
    marks = number_remarks(table)
    head = ["Model", "Shots", *(escape_markdown(column.title) for column in table.columns)]
    lines = [_join(head), _join(["---", *["---:"] * (len(head) - 1)])]
    for block in table.blocks:
        shared = share_remarks(block)
        for index, row in enumerate(block.rows):
            title = _markdown_marked(escape_markdown(block.title), [marks[each] for each in shared])
            cells = (_markdown_cell(cell, shared, marks) for cell in row.cells)
            lines.append(_join([title if index == 0 else "", _print_shots(row.shots), *cells]))
    beneath = [
        *(escape_markdown(line) for line in explain(table)),
        *(f"<sup>{mark}</sup> {escape_markdown(remark)}" for remark, mark in marks.items()),
        *(f"Source of {escape_markdown(source)}" for source in table.sources),
    ]
    parts = [f"**{escape_markdown(table.title)}**", "\n".join(lines), "\\\n".join(beneath)]
    parts += _markdown_splits(table)
    return "\n\n".join(part for part in parts if part) + "\n"


def format_latex(table: Table) -> str:
    """Write a `table` environment; the document needs the package booktabs.

    It is for papers: differences are left to the reader, whose marks say what to heed.
    """
    table = replace(table, blocks=tuple(block for block in table.blocks if not block.against))
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
        shared = share_remarks(block)
        for index, row in enumerate(block.rows):
            title = _latex_marked(escape_latex(block.title), [marks[each] for each in shared])
            cells = (_latex_cell(cell, shared, marks) for cell in row.cells)
            lines.append(
                _join_latex(
                    [title if index == 0 else "", escape_latex(_print_shots(row.shots)), *cells]
                )
            )
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
            _join_lines(block.against),
            column.benchmark if cell.is_published else column.qualified_benchmark,
            cell.metric,
            *map(_or_empty, (row.shots, cell.value, cell.standard_error)),
            *map(_or_empty, cell.interval or (None, None)),
            *map(_or_empty, _take_apart(cell)),
            _or_empty(cell.in_errors if cell.is_difference else None),
            *map(_or_empty, (cell.num_queries, cell.num_seeds)),
            _join_lines(" | ".join(cell.not_comparable)),
            cell.scale.unit.value,
            cell.scale.higher_is_better,
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


def _markdown_splits(table: Table) -> list[str]:
    splits = list_splits(table)
    if not splits:
        return []
    rows = [
        _join([escape_markdown(split.series), escape_markdown(split.title), *split.texts])
        for split in splits
    ]
    head = [_join(["Model", "Cell", *SPLIT_HEAD]), _join(["---", "---", *["---:"] * 5])]
    return [f"**{SPLIT_TITLE}**", "\n".join([*head, *rows]), SPLIT_NOTE]


def _take_apart(cell: Cell) -> tuple[float | None, ...]:
    if cell.split is None:
        return cell.std, None, None
    return cell.split.std, cell.split.of_queries, cell.split.of_demonstrations


def _join_lines(text: str) -> str:
    return " ".join(text.split())


def _markdown_cell(cell: Cell | None, shared: Container[str], marks: Mapping[str, str]) -> str:
    text = f"{print_value(cell)} {print_spread(cell)}".strip()
    return _markdown_marked(text, list_marks(cell, shared, marks))


def _markdown_marked(text: str, marks: Sequence[str]) -> str:
    return f"{text} <sup>{','.join(marks)}</sup>" if marks else text


def _latex_cell(cell: Cell | None, shared: Container[str], marks: Mapping[str, str]) -> str:
    text = escape_latex(f"{print_value(cell)} {print_spread(cell)}".strip())
    return _latex_marked(text, list_marks(cell, shared, marks))


def _latex_marked(text: str, marks: Sequence[str]) -> str:
    return rf"{text}\textsuperscript{{{','.join(marks)}}}" if marks else text


def _print_shots(shots: int | None) -> str:
    return "–" if shots is None else str(shots)


def _or_empty(value: float | None) -> float | str:
    return "" if value is None else round(value, 6)


def _join(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _join_latex(cells: list[str]) -> str:
    return rf"{' & '.join(cells)} \\"
