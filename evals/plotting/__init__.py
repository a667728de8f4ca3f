"""What is made of a results table with matplotlib and pandas: figures and frames.

    figure = plot("results/runs/*", references=["Flamingo-9B"])
    save_figure(figure, "figure.pdf")
    to_frame(read_table("results/runs/*", ["Flamingo-9B"]))

`evals plot RUN... --out figure.pdf` does the same from the command line.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from evals.plotting.figure import draw_figure
from evals.plotting.files import save_figure
from evals.plotting.frames import to_frame, to_tidy
from evals.plotting.tables import read_runs, read_table
from evals.report.references import load_references, select_references
from evals.report.table import build_table
from evals.results import Where

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_figure", "plot", "read_table", "save_figure", "to_frame", "to_tidy"]


def plot(
    where: Where,
    references: Iterable[str] = (),
    *,
    benchmarks: Iterable[str] = (),
    width: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw runs' scores against shots beside published series; arguments as `draw_figure` has them.

    Raises:
        ConfigError: a reference, a benchmark or the width is none.
        ResultsError: there is no run, one is not finished, or none has a number.
    """
    runs = read_runs(where, benchmarks)
    published = select_references(load_references(), references)
    return draw_figure(build_table([run for _, run in runs], published), width=width, title=title)
