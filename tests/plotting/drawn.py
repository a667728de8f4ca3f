"""Tables to draw, and what stands in a drawn figure."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evals.plotting.files import render_figure
from evals.report.layout import Table, build_table
from evals.report.references import load_references, select_references
from tests.report.made_runs import BENCHMARKS, make_run, make_score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REFERENCES = load_references()


def make_table(
    tasks: Sequence[str] = tuple(BENCHMARKS),
    *,
    models: Sequence[str] = ("idefics-9b",),
    shots: Sequence[int] = (0, 4, 8, 16, 32),
    seeds: int = 3,
    references: Sequence[str] = ("Flamingo-9B", "OpenFlamingo-9B"),
) -> Table:
    """Return runs that rise with shots and spread with seeds, each with its interval."""
    runs = [
        make_run(
            task,
            model=model,
            shots=count,
            seed=seed,
            split="val" if task == "vqav2" else BENCHMARKS[task].split,
            scores={BENCHMARKS[task].headline: make_score(value) | {"interval": interval}},
        )
        for index, model in enumerate(models)
        for task in tasks
        for count in shots
        for seed in range(seeds)
        for value in [BENCHMARKS[task].value + 0.03 * index + count / 400 + seed / 200]
        for interval in [(value - 0.01, value + 0.012)]
    ]
    return build_table(runs, select_references(REFERENCES, references))


def list_texts(figure: "Figure") -> list[str]:
    """Return the texts of a figure as its SVG has them."""
    svg = render_figure(figure, "svg").decode()
    return [
        text.replace("\N{NO-BREAK SPACE}", " ") for text in re.findall(r"<text[^>]*>([^<]*)", svg)
    ]
