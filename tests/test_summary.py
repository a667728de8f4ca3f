"""summary.json: what it says of scores, and what it meant before it said so."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import ResultsError
from evals.resources import references_dir
from evals.summary import parse_summary, read_scale, read_summary, write_summary
from evals.types import DEFAULT_SCALE, Scale, Unit
from tests.report.made_runs import make_run, make_score

OLD = references_dir().parent / "baselines" / "tiny.json"
"""Runs that were frozen before scores said their direction and unit."""


def test_a_summary_without_directions_means_that_higher_is_better_in_points() -> None:
    for run in json.loads(OLD.read_text())["runs"]:
        summary = parse_summary(run["summary"])
        assert summary.scores
        for score in summary.scores.values():
            assert "higher_is_better" not in score
            assert read_scale(score) == DEFAULT_SCALE == Scale(Unit.POINTS, higher_is_better=True)


def test_a_summary_with_a_direction_comes_back(tmp_path: Path) -> None:
    said = {"higher_is_better": False, "unit": "plain"}
    write_summary(tmp_path, make_run(scores={"rank": make_score(3.0) | said}))
    score = read_summary(tmp_path).scores["rank"]
    assert read_scale(score) == Scale(Unit.PLAIN, higher_is_better=False)


@pytest.mark.parametrize("said", [{"higher_is_better": "no"}, {"unit": "percents"}, {"unit": None}])
def test_a_direction_or_unit_that_is_none_is_told_with_the_file(
    said: dict[str, Any], tmp_path: Path
) -> None:
    write_summary(tmp_path, make_run(scores={"rank": make_score(3.0) | said}))
    with pytest.raises(ResultsError, match=r"summary.json: .*evals score"):
        read_summary(tmp_path)
