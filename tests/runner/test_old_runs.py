"""Run folders that were made before identities covered pictures, choices and plugin arguments.

tests/old_runs/ has three, made at commit e41e378 on the mini benchmarks with the tiny checkpoint.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from evals.comparison.compare import compare_runs
from evals.config import read_settings
from evals.errors import ResultsError
from evals.files import cache_dir
from evals.mini import ensure_mini
from evals.pages import write_report
from evals.report.comparability import list_reasons
from evals.report.runs import RunState, read_run
from evals.report.table import build_table, format_markdown
from evals.runner import State, run_one, score_run, verify_run
from evals.runner.session import Session
from evals.summary import read_summary
from tests.runner.calls import Silent

OLD_RUNS = Path(__file__).parent.parent / "old_runs"
TASKS = ("coco", "hateful_memes", "okvqa")
SAID = "answers of an older evals, whose run folders did not keep pictures, choices"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies, with their data where `EVALS_DATA_DIR` says."""
    monkeypatch.setenv("EVALS_DATA_DIR", str(ensure_mini(cache_dir())))
    return Path(shutil.copytree(OLD_RUNS, tmp_path / "runs"))


@pytest.mark.parametrize("task", TASKS)
def test_an_old_run_is_listed_and_scored_as_before_and_says_what_cannot_be_known(
    task: str, runs: Path
) -> None:
    before = read_summary(runs / task)
    assert read_run(runs / task).state is RunState.FINISHED
    assert any(SAID in reason for reason in list_reasons(before))
    after = score_run(runs / task, Silent())
    values = [
        {name: score["value"] for name, score in summary.scores.items()}
        for summary in (before, after)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-12)
    assert (after.identity_schema, after.is_other_data) == (1, False)
    assert any(SAID in reason for reason in list_reasons(after))


def test_old_runs_are_reported_compared_and_verified(runs: Path, tmp_path: Path) -> None:
    for task in TASKS:
        score_run(runs / task, Silent())
    table = build_table([read_summary(runs / task) for task in TASKS], ())
    assert SAID in format_markdown(table)
    page = write_report(
        [runs / task for task in TASKS], tmp_path / "report", references=(), progress=Silent()
    )
    assert SAID in page.read_text()
    again = Path(shutil.copytree(runs / "okvqa", runs / "again"))
    (compared,) = compare_runs([(runs / "okvqa", again)])
    assert compared.main.assessment is not None
    assert compared.main.assessment.difference.value == 0
    found = {found.what: found.state for found in verify_run(runs / "okvqa", Silent())}
    assert State.CHANGED not in found.values()


def test_an_old_run_is_not_continued(runs: Path) -> None:
    settings = read_settings(runs / "okvqa")
    session = Session(replace(settings, run_dir=runs / "okvqa"), Silent())
    before = (runs / "okvqa" / "records.jsonl").read_bytes()
    with pytest.raises(ResultsError, match="did not cover pictures, choices"):
        run_one(session, settings.tasks[0], shots=2, seed=0)
    assert (runs / "okvqa" / "records.jsonl").read_bytes() == before
