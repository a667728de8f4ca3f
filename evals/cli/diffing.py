"""`evals diff`: why two runs' numbers differ."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders


def diff(arguments: Sequence[str]) -> None:
    """`evals diff`: the first cause of a difference, and what of the gap each layer makes."""
    options = diff_parser().parse_args(arguments)
    from rich.console import Console

    from evals.difference import find_difference, format_difference
    from evals.progress import RichProgress

    found = find_difference(options.a, options.b, RichProgress())
    Console().print(format_difference(found))
    factor = found.scale.convert(1.0)
    line = {
        "gap": None if found.gap is None else round(factor * found.gap, 4),
        "cause": None if found.cause is None else asdict(found.cause),
        "parts": [
            {"from": part.what, "value": round(factor * part.value, 4)} for part in found.parts
        ],
        "num_causes": len(found.causes),
    }
    print(json.dumps(line))


def diff_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "diff",
        "Tell why two runs' numbers differ: the first cause in the order data, demonstrations, "
        "prompt bytes, pixels, weights, decoding, truncation, scorer, versions, with the first "
        "query in which it shows; and what of the gap each layer makes, scored again from the "
        "records. No model is loaded.",
        examples=(
            "results/runs/okvqa-mine results/runs/okvqa-theirs",
            "results/runs/okvqa-before results/runs/okvqa-after",
        ),
        notes="Whether the numbers differ by more than chance: evals compare.",
    )
    one = parser.add_argument("a", type=Path, metavar="A", help="a finished run")
    other = parser.add_argument("b", type=Path, metavar="B", help="a finished run")
    for action in (one, other):
        offer(action, offer_folders)
    return parser
