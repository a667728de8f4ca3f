"""`evals report`: runs as pages to open in a browser."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.references import add_reference, find_references, split_names
from evals.cli.words import offer_folders

NUM_EXAMPLES = 500


def report(arguments: Sequence[str]) -> None:
    """`evals report`: write the pages of runs."""
    options = report_parser().parse_args(arguments)
    from evals.pages import write_report
    from evals.progress import RichProgress

    index = write_report(
        options.run_dirs,
        options.out,
        references=find_references(split_names(options.reference)),
        num_examples=options.examples,
        progress=RichProgress(),
    )
    print(f"report: {index}")


def report_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "report",
        "Write runs as static pages: results beside published numbers, curves, and every single "
        "query with the prompt as the model saw it. They open from disk and from a CI artifact: "
        "no server, no network.",
        examples=(
            "results/runs/* --out results/report",
            "results/runs/* --reference Flamingo-9B,IDEFICS-9B --out results/report",
            "before after --examples 2000 --out report",
        ),
    )
    runs = parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    offer(runs, offer_folders)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the pages")
    add_reference(parser)
    parser.add_argument(
        "--examples",
        type=int,
        default=NUM_EXAMPLES,
        metavar="N",
        help="queries of each benchmark that bring their pictures, and as many of those that its "
        "runs answer differently (default: %(default)s)",
    )
    return parser
