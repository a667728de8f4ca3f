"""`evals plot`: scores against shots, as a figure for a paper."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.references import add_reference, find_references, split_names
from evals.cli.words import offer_folders


def plot(arguments: Sequence[str]) -> None:
    """`evals plot`: draw runs beside published numbers."""
    options = plot_parser().parse_args(arguments)
    from evals.plotting.figure import draw_figure
    from evals.plotting.files import check_suffix, save_figure
    from evals.plotting.tables import read_runs
    from evals.report.table import build_table

    check_suffix(options.out)  # before any work
    references = find_references(split_names(options.reference))
    runs = read_runs(options.runs, split_names(options.benchmark))
    table = build_table([run for _, run in runs], references)
    figure = draw_figure(table, width=options.width, title=options.title)
    save_figure(figure, options.out, made_from=list(dict.fromkeys(run.hash for _, run in runs)))
    print(options.out)


def plot_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "plot",
        "Draw scores against shots, a panel a benchmark, runs beside published numbers. Seeds "
        "make a band, a single seed has its 95 % interval; what does not bear comparison is "
        "marked and explained.",
        examples=(
            "results/runs/* --out figure.pdf",
            "results/runs/* --reference Flamingo-9B,IDEFICS-9B --out figure.pdf",
            "results/runs --benchmark okvqa --width 3.3 --title '' --out okvqa.svg",
        ),
        notes="The same runs give the same bytes. Text stays text: it can be searched in a PDF "
        "and edited in an SVG.",
    )
    runs = parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="a run folder, or a folder that holds some",
    )
    offer(runs, offer_folders)
    add_reference(parser)
    parser.add_argument(
        "--benchmark",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one of the runs' (again or comma-separated for more)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="figure.pdf, .png or .svg"
    )
    parser.add_argument(
        "--width",
        type=float,
        metavar="INCHES",
        help="a column of a paper has 3.3, a page 5.5 to 7; the height follows",
    )
    parser.add_argument("--title", metavar="TEXT", help="instead of the table's; '' for none")
    return parser
