"""A gate for CI: frozen runs, and whether new ones are worse."""

from evals.gate.baseline import freeze, read_baseline
from evals.gate.formats import format_junit, format_markdown
from evals.gate.judge import Check, Report, Status, judge

__all__ = [
    "Check",
    "Report",
    "Status",
    "format_junit",
    "format_markdown",
    "freeze",
    "judge",
    "read_baseline",
]
