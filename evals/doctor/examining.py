"""All checks in order. None stops another: a broken installation is what they are for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.doctor.findings import Finding, Verdict
from evals.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Check:
    area: str
    find: Callable[[], Iterable[Finding]]


def list_checks(words: Sequence[str] = (), *, config_dir: Path | None = None) -> tuple[Check, ...]:
    """Return the checks; words are settings of `evals run`, for the data sets that are looked at.

    Each imports what it needs when it runs: another may find why that cannot be imported.
    """

    def packages() -> Iterable[Finding]:
        from evals.doctor.packages import check_packages

        return check_packages()

    def machine() -> Iterable[Finding]:
        from evals.doctor.machine import check_machine

        return check_machine()

    def scorers() -> Iterable[Finding]:
        from evals.doctor.scorers import check_scorers

        return check_scorers()

    def hub() -> Iterable[Finding]:
        from evals.doctor.hub import check_hub

        return check_hub()

    def data() -> Iterable[Finding]:
        from evals.doctor.data import check_data

        return check_data(words, config_dir=config_dir)

    return (
        Check("packages", packages),
        Check("machine", machine),
        Check("scorers", scorers),
        Check("hub", hub),
        Check("data", data),
    )


def run_check(check: Check) -> list[Finding]:
    """Return what a check finds; that it cannot be made is a finding too.

    Raises:
        ConfigError: the settings are wrong.
    """
    findings: list[Finding] = []
    try:
        findings.extend(check.find())  # what is found before it breaks, is kept
    except ConfigError:
        raise
    except Exception as error:  # of any kind: an import alone can fail in a hundred ways
        what = f"{type(error).__name__}: {error}"
        findings.append(
            Finding(check.area, what, Verdict.MISSING, "if all packages are as asked, report this")
        )
    return findings
