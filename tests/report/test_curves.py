"""What a plot draws of a table."""

import pytest

from evals.report.curves import Curve, Panel, Point, make_panels
from evals.report.layout import build_table
from evals.report.references import load_references, select_references
from evals.summary import RunSummary
from tests.report.made_runs import make_run, make_score

REFERENCES = load_references()


def draw(runs: list[RunSummary], *names: str) -> list[Panel]:
    return list(make_panels(build_table(runs, select_references(REFERENCES, names))))


def make_seeds(*values: float) -> list[RunSummary]:
    return [
        make_run(seed=seed, scores={"raw_answers": make_score(value)})
        for seed, value in enumerate(values)
    ]


def points(curve: Curve) -> list[tuple[float, ...]]:
    return [(p.shots, p.value, p.low, p.high) for p in curve.points]


def test_several_seeds_span_from_the_lowest_to_the_highest() -> None:
    (panel,) = draw(make_seeds(0.40, 0.46, 0.43))
    (curve,) = panel.curves
    assert points(curve) == [pytest.approx((4, 43.0, 40.0, 46.0))]


def test_one_seed_spans_its_interval() -> None:
    scores = {"raw_answers": make_score(0.45) | {"interval": (0.44, 0.47)}}
    (panel,) = draw([make_run(scores=scores), make_run(shots=8)])
    (curve,) = panel.curves
    assert points(curve) == [
        pytest.approx((4, 45.0, 44.0, 47.0)),
        pytest.approx((8, 45.33, 45.33, 45.33)),
    ]


def test_a_published_curve_spans_its_printed_deviation() -> None:
    (panel,) = draw([make_run(), make_run(shots=8)], "OpenFlamingo-9B", "Flamingo-9B")
    ours, openflamingo, flamingo = panel.curves
    assert [curve.is_published for curve in panel.curves] == [False, True, True]
    assert points(openflamingo) == [
        pytest.approx((4, 40.1, 40.0, 40.2)),
        pytest.approx((8, 41.1, 40.9, 41.3)),
    ]
    assert flamingo.points[0] == Point(4, 49.3, 49.3, 49.3)
    assert "protocol: idefics, not flamingo" in panel.remarks
    assert ours.series == "idefics-9b (idefics)"


def test_a_fine_tuned_model_has_no_curve() -> None:
    panels = draw([make_run("vqav2")], "Flamingo-80B-fine-tuned")
    assert [curve.series for curve in panels[0].curves] == ["idefics-9b (idefics)"]


def test_a_number_that_is_missing_is_no_point() -> None:
    missing = make_run(shots=8, scores={"raw_answers": make_score(None, None, "no answers")})
    (panel,) = draw([make_run(), missing])
    assert [point.shots for point in panel.curves[0].points] == [4]
