"""What a call of `evaluate` returns, and how a notebook shows it."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.errors import ResultsError
from evals.summary import RunSummary

if TYPE_CHECKING:
    from evals.report.table import Table

WIDTH = 100
"""Columns of a printed table: five benchmarks side by side."""


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """The runs of one call, in order of tasks, shots and seeds; a notebook shows their table."""

    run_dirs: tuple[Path, ...]
    summaries: tuple[RunSummary, ...]
    """One for each run folder."""
    references: tuple[str, ...] = ()
    """Published series that stand beneath the runs in the table."""
    report: Path | None = None
    """The first of the pages, where some were asked for."""

    @property
    def summary(self) -> RunSummary:
        """The only run's summary.

        Raises:
            ResultsError: there are several.
        """
        if len(self.summaries) != 1:
            raise ResultsError(f"there are {len(self.summaries)} runs; `summaries` holds them")
        return self.summaries[0]

    @property
    def table(self) -> "Table":
        """The runs beside the published numbers; `evals.report.table` formats it."""
        from evals.query_scores import QUERIES, read_query_scores
        from evals.report.references import load_references, select_references
        from evals.report.table import build_table

        runs = zip(self.run_dirs, self.summaries, strict=True)
        folders = {(summary.hash, summary.seed): run_dir for run_dir, summary in runs}
        complete = all((run_dir / QUERIES).is_file() for run_dir in self.run_dirs)
        return build_table(
            self.summaries,
            select_references(load_references(), self.references),
            read_queries=(lambda run: read_query_scores(folders[run.hash, run.seed]))
            if complete
            else None,
        )

    def __repr__(self) -> str:
        """Return the table, the run folders, and what the runs noted."""
        return self._print(as_html=False)

    def _repr_html_(self) -> str:
        return self._print(as_html=True)

    def _print(self, *, as_html: bool) -> str:
        from rich.console import Console
        from rich.text import Text

        from evals.report.table import format_rich

        # In a notebook rich would show by itself what is to be returned here.
        console = Console(
            width=WIDTH, file=io.StringIO(), record=True, force_terminal=False, force_jupyter=False
        )
        lines = [] if self.report is None else [f"report: {self.report}"]
        for run_dir, summary in zip(self.run_dirs, self.summaries, strict=True):
            notes = [f"  note: {note}" for note in summary.answered.get("notes", [])]
            lines += [f"run folder: {run_dir}", *notes]
        console.print(format_rich(self.table))
        for line in lines:
            console.print(Text(line), soft_wrap=True)
        if not as_html:
            return "\n".join(line.rstrip() for line in console.export_text().splitlines())
        return console.export_html(
            inline_styles=True, code_format='<pre style="line-height: 1.2">{code}</pre>'
        )
