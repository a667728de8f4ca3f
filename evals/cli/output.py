"""What several commands print: tables, and the JSON line that comes last."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.cli.references import find_references

if TYPE_CHECKING:
    from evals.summary import RunSummary


def print_table(
    runs: Sequence[tuple[Path, "RunSummary"]], names: Sequence[str], style: str
) -> None:
    from rich.console import Console

    from evals.query_scores import QUERIES, read_query_scores
    from evals.report import table as tables

    folders = {(summary.hash, summary.seed): run_dir for run_dir, summary in runs}
    complete = all((run_dir / QUERIES).is_file() for run_dir, _ in runs)
    made = tables.build_table(
        [summary for _, summary in runs],
        find_references(names),
        read_queries=(lambda run: read_query_scores(folders[run.hash, run.seed]))
        if complete
        else None,
    )
    match style:
        case "md":
            print(tables.format_markdown(made), end="")
        case "latex":
            print(tables.format_latex(made), end="")
        case "csv":
            print(tables.format_csv(made), end="")
        case _:
            Console().print(tables.format_rich(made))


def print_results(lines: Sequence[Mapping[str, Any]]) -> None:
    """Print the last line: one object, or a list of them under "runs"."""
    print(json.dumps(lines[0] if len(lines) == 1 else {"runs": lines}))


def to_line(
    run_dir: Path | None, scores: Mapping[str, Mapping[str, Any]], num_queries: int
) -> dict[str, Any]:
    """Return a run's part of the JSON line: scores as papers print them, most x 100."""
    from evals.summary import read_scale

    printed = {
        name: None
        if score["value"] is None
        else round(read_scale(score).convert(score["value"]), 4)
        for name, score in scores.items()
    }
    return {
        "run_dir": None if run_dir is None else str(run_dir),
        "scores": printed,
        "num_queries": num_queries,
    }
