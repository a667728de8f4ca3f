"""A finding, and what it means."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    """To know: some evaluations need it, or are slow without."""
    MISSING = "missing"
    """Needed, and absent or broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    found: str
    verdict: Verdict = Verdict.OK
    way_out: str = ""
    """What to do where it is not ok."""
