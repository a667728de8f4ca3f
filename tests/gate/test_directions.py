"""The gate asks each score which way is better, and judges nothing else by it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evals.comparison.compare import Comparison
from evals.comparison.pairing import ScoredRun, read_run
from evals.gate import Check, Status, format_markdown, freeze, judge, read_baseline
from evals.query_scores import QueryScore
from evals.types import Scale, Unit
from tests.comparison.made_runs import write_run
from tests.report.made_runs import make_run
from tests.test_summary import OLD

HIGHER, LOWER = Scale(), Scale(higher_is_better=False)
FEW = {str(index): float(index % 10 == 0) for index in range(400)}
MANY = FEW | {str(index): 1.0 for index in range(120)}
"""Errors of each query: 10 % of all, and some 37 %."""


def hold(folder: Path, before: dict[str, float], after: dict[str, float], scale: Scale) -> Check:
    old = write_run(folder / "old", before, score="error", scale=scale)
    new = write_run(folder / "new", after, score="error", scale=scale)
    freeze([old], folder / "baseline.json")
    (check,) = judge([read_run(new)], read_baseline(folder / "baseline.json")).checks
    return check


@pytest.mark.parametrize(
    ("before", "after", "scale", "regresses"),
    [
        (FEW, MANY, LOWER, True),
        (MANY, FEW, LOWER, False),
        (FEW, MANY, HIGHER, False),
        (MANY, FEW, HIGHER, True),
    ],
)
def test_a_run_regressed_where_its_score_moved_to_the_worse_side(
    before: dict[str, float],
    after: dict[str, float],
    scale: Scale,
    regresses: bool,
    tmp_path: Path,
) -> None:
    check = hold(tmp_path, before, after, scale)
    assert (check.status is Status.REGRESSED) == regresses


@pytest.mark.parametrize(
    ("before", "after", "scale", "said"),
    [(FEW, MANY, HIGHER, "a drop of 1 might"), (MANY, FEW, LOWER, "a rise of 1 might")],
)
def test_what_might_go_unseen_is_a_change_for_the_worse(
    before: dict[str, float], after: dict[str, float], scale: Scale, said: str, tmp_path: Path
) -> None:
    assert hold(tmp_path, before, after, scale).remarks[-1].startswith(said)


def test_a_plain_scores_tolerance_is_in_its_own_unit(tmp_path: Path) -> None:
    plain = Scale(Unit.PLAIN, higher_is_better=False)
    before = {str(index): 2.0 + index % 3 for index in range(200)}
    after = {query_id: rank + 0.5 + 0.1 * (int(query_id) % 2) for query_id, rank in before.items()}
    held = [read_run(write_run(tmp_path / "old", before, score="mean_rank", scale=plain))]
    new = [read_run(write_run(tmp_path / "new", after, score="mean_rank", scale=plain))]
    assert judge(new, held, tolerance=1.0).exit_code == 0
    report = judge(new, held, tolerances={"mean_rank": 0.1})
    assert report.exit_code == 1
    text = format_markdown(report)
    assert "| mean_rank ↓ | 2.995 | 3.545 | +0.550 |" in text
    assert "mean_rank (lower is better) rose by 0.550, for the worse" in text


def test_a_baseline_of_another_direction_is_not_comparable(tmp_path: Path) -> None:
    """It was frozen before the metric said which way is better."""
    old = read_run(write_run(tmp_path / "old", FEW, score="error"))
    new = read_run(write_run(tmp_path / "new", MANY, score="error", scale=LOWER))
    report = judge([new], [old])
    assert report.exit_code == 3
    assert report.checks[0].remarks == (
        "score error: higher is better, points, and lower is better, points; `evals score` both "
        "again, and freeze a baseline anew",
    )


def test_a_baseline_without_directions_still_holds_what_says_them() -> None:
    held = read_baseline(OLD)
    said = {"higher_is_better": True, "unit": "points"}
    runs = [
        replace(
            run,
            summary=replace(
                run.summary, scores={n: {**s, **said} for n, s in run.summary.scores.items()}
            ),
        )
        for run in held
    ]
    report = judge(runs, held)
    assert {check.status for check in report.checks} <= {Status.HOLDS, Status.UNDERPOWERED}
    assert report.exit_code == 0


def make_scored(values: Sequence[float], scale: Scale, name: str) -> ScoredRun:
    score = {
        "value": sum(values) / len(values),
        "num_examples": len(values),
        "metric_version": 1,
        "unit": scale.unit,
        "higher_is_better": scale.higher_is_better,
    }
    data = {"queries": {"files": {}, "revision": ""}}
    answered = {"model": {"label": name, "dtype": "float32"}, "data": data}
    summary = make_run("vqav2", scores={"own": score}, headline="own", answered=answered)
    queries = [
        QueryScore(str(index), str(index // 2), f"{value}", {"own": value})
        for index, value in enumerate(values)
    ]
    return ScoredRun(name, summary, {query.id: query for query in queries})


def check(before: Sequence[float], after: Sequence[float], scale: Scale) -> Check:
    runs = [make_scored(values, scale, name) for values, name in ((before, "a"), (after, "b"))]
    (made,) = judge(runs[1:], runs[:1]).checks
    return made


def compare(made: Check) -> Comparison:
    assert made.comparison is not None
    return made.comparison


def count(made: Check) -> tuple[int, int, int]:
    of = compare(made).main.outcomes
    assert of is not None
    return of.better, of.worse, of.equal


def flip(scale: Scale) -> Scale:
    return replace(scale, higher_is_better=not scale.higher_is_better)


scales = st.builds(Scale, st.sampled_from(Unit), st.booleans())
graded = st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0, 7.5])
queries = st.lists(st.tuples(graded, graded), min_size=2, max_size=30) | st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.just(1.0)), min_size=20, max_size=40
)


@given(queries, scales)
@example([(1.0, 0.0)] * 20 + [(1.0, 1.0)] * 20, HIGHER)
@example([(1.0, 7.5), (0.3, 0.6)] * 20, LOWER)
@settings(max_examples=60)
def test_a_score_turned_round_with_its_direction_is_judged_alike(
    pairs: list[tuple[float, float]], scale: Scale
) -> None:
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    one = check(before, after, scale)
    other = check([-value for value in before], [-value for value in after], flip(scale))
    assert one.status is other.status
    assert compare(one).adjusted_p == compare(other).adjusted_p
    first, second = compare(one).main.assessment, compare(other).main.assessment
    assert first is not None
    assert second is not None
    assert (first.test, first.p_value, first.exact_p) == (
        second.test,
        second.p_value,
        second.exact_p,
    )
    assert first.difference.value == -second.difference.value
    assert first.smallest_detectable == second.smallest_detectable
    assert compare(one).main.gain == compare(other).main.gain
    assert count(one) == count(other)


@given(queries, scales)
@example([(1.0, 0.0)] * 20 + [(1.0, 1.0)] * 20, HIGHER)
@example([(1.0, 7.5), (0.3, 0.6)] * 20, LOWER)
@settings(max_examples=60)
def test_the_direction_alone_swaps_better_and_worse_and_moves_no_p_value(
    pairs: list[tuple[float, float]], scale: Scale
) -> None:
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    one, other = check(before, after, scale), check(before, after, flip(scale))
    assert compare(one).adjusted_p == compare(other).adjusted_p
    better, worse, equal = count(one)
    assert count(other) == (worse, better, equal)
    assert compare(one).main.gain == -compare(other).main.gain
    # Whatever regressed in one direction has improved in the other, and the way back regressed.
    back = check(after, before, flip(scale))
    assert (one.status is Status.REGRESSED) == (back.status is Status.REGRESSED)
    assert Status.REGRESSED in (one.status, other.status) or not moved(one)
    assert not (one.status is other.status is Status.REGRESSED)


def moved(made: Check) -> bool:
    """Whether a score moved by more than tolerance and chance, in either direction."""
    comparison = compare(made)
    p_value, scale = comparison.adjusted_p, comparison.main.scale
    assert comparison.main.assessment is not None
    distance = abs(scale.convert(comparison.main.assessment.difference.value))
    return p_value is not None and p_value < 0.05 and distance > made.tolerance
