"""`evals report`: runs as pages to open in a browser."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def report(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="evals report",
        description="Write runs as static pages: results beside published numbers, curves, and "
        "every single query with its prompt. They open from disk; no server, no network.",
    )
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pages")
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        help="a published series, e.g. Flamingo-9B (again or comma-separated for more)",
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=None,
        metavar="N",
        help="queries of each benchmark that bring their pictures, and as many of those that its "
        "runs answer differently (default: 500)",
    )
    options = parser.parse_args(arguments)
    from evals.pages import write_report
    from evals.pages.report import NUM_EXAMPLES
    from evals.progress import RichProgress
    from evals.report.references import load_references, select_references

    names = [name for group in options.reference for name in group.split(",") if name]
    index = write_report(
        options.run_dirs,
        options.out,
        references=select_references(load_references(), names),
        num_examples=NUM_EXAMPLES if options.examples is None else options.examples,
        progress=RichProgress(),
    )
    print(f"report: {index}")
