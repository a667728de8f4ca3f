"""Whether runs are worse than a baseline: beyond a tolerance, and beyond chance.

A run regressed when its headline score got worse, in the score's own direction, by more than the
tolerance and the paired test (the same as of `evals compare`, Holm over all runs) calls the
difference significant at 0.05. A run that could not have shown a change of the tolerance's size is
said to be underpowered: that it holds means little then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evals.comparison.compare import Comparison, adjust_comparisons, compare_scored
from evals.comparison.pairing import ScoredRun, find_reasons, has_same_data
from evals.errors import ResultsError
from evals.gate.baseline import index_runs, key_run

TOLERANCE = 1.0
"""As scores are printed: points of an accuracy, an error rate or CIDEr; a plain number, such as a
mean rank, wants one of its own (`tolerances`)."""
ALPHA = 0.05


class Status(StrEnum):
    HOLDS = "holds"
    UNDERPOWERED = "underpowered"
    """It holds, and a change of the tolerance's size might not have been seen."""
    REGRESSED = "regressed"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class Check:
    """One run held against the baseline."""

    run: ScoredRun
    status: Status
    tolerance: float
    comparison: Comparison | None = None
    """`None` where they cannot be compared."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    checks: tuple[Check, ...]
    require_power: bool

    @property
    def exit_code(self) -> int:
        """0 holds, 1 regressed (or underpowered, where power is required), 3 not comparable."""
        found = {check.status for check in self.checks}
        if Status.NOT_COMPARABLE in found:
            return 3
        if Status.REGRESSED in found:
            return 1
        return 1 if self.require_power and Status.UNDERPOWERED in found else 0


def judge(
    runs: Sequence[ScoredRun],
    baseline: Sequence[ScoredRun],
    *,
    tolerance: float = TOLERANCE,
    tolerances: Mapping[str, float] | None = None,
    require_power: bool = False,
) -> Report:
    """Hold runs against a baseline.

    Args:
        runs: new ones.
        baseline: what they are held against, found by task, split, protocol, shots and seed.
        tolerance: how much worse the headline may be, as it is printed.
        tolerances: score name -> a tolerance of its own.
        require_power: an underpowered run fails.

    Raises:
        ResultsError: a run has no counterpart in the baseline.
    """
    held = index_runs(baseline, where="the baseline")
    index_runs(runs, where="the runs")
    lost = [run.name for run in runs if key_run(run) not in held]
    if lost or not runs:
        raise ResultsError(
            f"not in the baseline (by task, split, protocol, shots and seed): {', '.join(lost)}; "
            "freeze a baseline that has them"
        )
    pairs = [(held[key_run(run)], run) for run in runs]
    reasons = [find_reasons(before, after, same_data=False) for before, after in pairs]
    made = adjust_comparisons(
        [
            compare_scored(before, after, same_data=False)
            for (before, after), why in zip(pairs, reasons, strict=True)
            if not why
        ]
    )
    comparisons = iter(made)
    checks = []
    for (before, after), why in zip(pairs, reasons, strict=True):
        if why:
            checks.append(Check(after, Status.NOT_COMPARABLE, tolerance, remarks=tuple(why)))
        else:
            comparison = next(comparisons)
            limit = (tolerances or {}).get(comparison.headline, tolerance)
            checks.append(_check(before, after, comparison, limit))
    return Report(tuple(checks), require_power)


def _check(before: ScoredRun, after: ScoredRun, comparison: Comparison, tolerance: float) -> Check:
    remarks = list(comparison.cautions)
    if not has_same_data(before, after):
        remarks.append("the queries have other questions or references than the baseline's")
    assessment = comparison.main.assessment
    if assessment is None or comparison.adjusted_p is None:
        remarks.append(f"{comparison.headline} cannot be tested")
        return Check(after, Status.UNDERPOWERED, tolerance, comparison, tuple(remarks))
    scale = comparison.main.scale
    loss = -scale.convert(scale.improve(assessment.difference.value))
    if loss > tolerance and comparison.adjusted_p < ALPHA:
        return Check(after, Status.REGRESSED, tolerance, comparison, tuple(remarks))
    detectable = assessment.smallest_detectable or 0.0
    status = Status.HOLDS
    if scale.convert(detectable) > tolerance:
        status = Status.UNDERPOWERED
        worsening = "drop" if scale.higher_is_better else "rise"
        remarks.append(
            f"a {worsening} of {tolerance:g} might go unseen: so many queries show "
            f"{scale.print(detectable)} four times of five"
        )
    return Check(after, status, tolerance, comparison, tuple(remarks))
