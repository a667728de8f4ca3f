"""The gate: what passes, what fails, what it writes."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evals.comparison.pairing import read_run
from evals.errors import ResultsError
from evals.gate import Report, Status, format_junit, format_markdown, freeze, judge, read_baseline
from tests.comparison.made_runs import write_run

GOOD = {str(index): float(index % 4 != 0) for index in range(400)}
BAD = GOOD | {str(index): 0.0 for index in range(120)}
SLIGHTLY = GOOD | {"1": 0.0, "2": 0.0}


def hold(tmp_path: Path, values: dict[str, float], **options: Any) -> Report:
    """Judge one run against a baseline of `GOOD`."""
    changes = options.pop("changes", {})
    path = tmp_path / "baseline.json"
    freeze([write_run(tmp_path / "old", GOOD)], path)
    run = read_run(write_run(tmp_path / "new", values, **changes))
    return judge([run], read_baseline(path), **options)


def test_a_frozen_run_comes_back_whole(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "old", GOOD)
    freeze([folder], tmp_path / "baseline.json")
    assert read_baseline(tmp_path / "baseline.json") == [read_run(folder)]


def test_the_same_answers_hold(tmp_path: Path) -> None:
    report = hold(tmp_path, GOOD, tolerance=5)
    assert report.exit_code == 0
    assert [check.status for check in report.checks] == [Status.HOLDS]
    assert "The baseline holds." in format_markdown(report)


def test_a_large_drop_is_a_regression(tmp_path: Path) -> None:
    report = hold(tmp_path, BAD)
    assert report.exit_code == 1
    text = format_markdown(report)
    assert "The gate fails." in text
    assert "❌ regressed" in text
    assert "| 1 | answer 1.0 | answer 0.0 |" in text


def test_a_drop_within_the_tolerance_holds_however_significant(tmp_path: Path) -> None:
    assert hold(tmp_path, BAD, tolerance=30).exit_code == 0


def test_a_tolerance_of_its_own_goes_before_the_common_one(tmp_path: Path) -> None:
    assert hold(tmp_path, BAD, tolerances={"official": 30}).exit_code == 0


def test_a_drop_that_may_be_chance_holds(tmp_path: Path) -> None:
    report = hold(tmp_path, SLIGHTLY, tolerance=0.1)
    assert report.exit_code == 0
    [check] = report.checks
    assert check.status is Status.UNDERPOWERED
    assert check.remarks[-1].startswith("a drop of 0.1 might go unseen")


def test_power_can_be_required(tmp_path: Path) -> None:
    report = hold(tmp_path, SLIGHTLY, tolerance=0.1, require_power=True)
    assert report.exit_code == 1
    assert ElementTree.fromstring(format_junit(report)).get("failures") == "1"


def test_a_gain_is_no_regression(tmp_path: Path) -> None:
    assert hold(tmp_path, dict.fromkeys(GOOD, 1.0)).exit_code == 0


def test_other_prompts_and_data_are_remarked(tmp_path: Path) -> None:
    changes = {"prompts_sha256": "other", "data": "1" * 64}
    report = hold(tmp_path, GOOD, tolerance=5, changes=changes)
    assert report.exit_code == 0
    [check] = report.checks
    assert check.remarks == (
        "the prompts differ (`evals prompts --diff` shows where)",
        "the queries have other questions or references than the baseline's",
    )


def test_other_queries_are_not_comparable(tmp_path: Path) -> None:
    report = hold(tmp_path, dict(list(GOOD.items())[:300]))
    assert report.exit_code == 3
    suite = ElementTree.fromstring(format_junit(report))
    assert (suite.get("tests"), suite.get("errors"), suite.get("failures")) == ("1", "1", "0")
    assert "100 queries are in one run only" in format_markdown(report)


def test_a_run_that_the_baseline_lacks_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"not in the baseline .*: new"):
        hold(tmp_path, GOOD, changes={"shots": 16})


def test_two_runs_alike_cannot_be_frozen(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, GOOD) for name in ("a", "b")]
    with pytest.raises(ResultsError, match="a and b have the same task, split, protocol"):
        freeze(runs, tmp_path / "baseline.json")
    assert not (tmp_path / "baseline.json").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no baseline"),
        ('{"runs": []}', "is no baseline"),
        ('{"baseline": 9, "runs": []}', "is a baseline of version 9"),
        ('{"baseline": 1, "runs": [{}]}', "is no baseline"),
    ],
)
def test_a_file_that_is_no_baseline_is_told(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ResultsError, match=said):
        read_baseline(path)
    with pytest.raises(ResultsError, match="cannot be read: No such file"):
        read_baseline(tmp_path / "nowhere.json")
