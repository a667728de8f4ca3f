"""`--reference`: published series that stand beside runs."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evals.cli.parsing import offer
from evals.cli.words import offer_series

if TYPE_CHECKING:
    from evals.report.references import Reference


def add_reference(parser: argparse.ArgumentParser) -> None:
    """Let a command take `--reference`, as often as one likes."""
    reference = parser.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="SERIES",
        help="a published series, e.g. Flamingo-9B (again or comma-separated for more; "
        "`evals list references` names them)",
    )
    offer(reference, offer_series)


def split_names(groups: Sequence[str]) -> list[str]:
    """Return the names of an option that may be given again and holds commas."""
    return [name for group in groups for name in group.split(",") if name]


def find_references(names: Sequence[str]) -> "tuple[Reference, ...]":
    """Return the published numbers of series.

    Raises:
        ConfigError: a series is unknown.
    """
    from evals.report.references import load_references, select_references

    return select_references(load_references(), names)
