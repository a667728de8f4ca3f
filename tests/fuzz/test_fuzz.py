"""A few hundred damaged inputs, and the harness itself: it notices what it must.

python -m tests.fuzz --number 20000
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main, plan_tasks
from tests.fuzz.checkpoint_targets import make_checkpoint_targets
from tests.fuzz.crew import Task, keep_findings, run_crew
from tests.fuzz.data_targets import make_data_targets
from tests.fuzz.picture_targets import make_picture_targets
from tests.fuzz.run_targets import make_run_targets
from tests.fuzz.targets import Target
from tests.fuzz.toy_targets import make_toys
from tests.fuzz.trying import make_input, try_input, write_files

Make = Callable[[Path], Iterator[Target]]
EACH = {make_data_targets: 12, make_picture_targets: 10, make_checkpoint_targets: 6}
EVERY = [*EACH, make_run_targets]


@pytest.mark.filterwarnings("ignore")  # what Pillow says of damaged pictures
@pytest.mark.parametrize("make", EVERY)
def test_damaged_input_is_read_or_refused_with_one_clear_error(make: Make, tmp_path: Path) -> None:
    findings = []
    for target in make(tmp_path / "sound"):
        folder = tmp_path / target.name.replace(" ", "_")
        for number in range(EACH.get(make, 3)):
            outcome = try_input(target, 0, number, folder)
            if outcome.is_finding:
                findings.append(f"{target.name} {number}: {outcome.kind} {outcome.detail}")
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("make", EVERY)
def test_what_is_damaged_is_sound_before(make: Make, tmp_path: Path) -> None:
    for target in make(tmp_path / "sound"):
        folder = tmp_path / target.name.replace(" ", "_")
        write_files(folder, target.files)
        target.read(folder)


def test_an_input_is_a_function_of_target_seed_and_number(tmp_path: Path) -> None:
    once = {target.name: target for target in make_data_targets(tmp_path / "a")}
    again = {target.name: target for target in make_data_targets(tmp_path / "b")}
    assert once.keys() == again.keys()
    for name, target in once.items():
        made = [make_input(target, 5, number) for number in range(50)]
        assert [make_input(again[name], 5, number) for number in reversed(range(50))] == made[::-1]
        assert len({str(files) for files in made}) > 45


def test_every_kind_of_finding_is_noticed_kept_and_survived(tmp_path: Path) -> None:
    kinds = ("read", "refused", "unnamed", "traceback", "hang", "silence", "crash", "memory")
    tasks = iter([Task(kind, 0, 1) for kind in kinds] + [Task("crash", 1, 2), Task("read", 1, 9)])
    report = run_crew(make_toys, tasks, seed=3, num_workers=2, silent_seconds=5.0)
    found = {(target, number): outcome for target, number, outcome in report.findings}
    assert {key: outcome.kind for key, outcome in found.items()} == {
        ("unnamed", 0): "unnamed",
        ("traceback", 0): "traceback",
        ("hang", 0): "hang",
        ("silence", 0): "hang",
        ("crash", 0): "crash",
        ("crash", 1): "crash",
        ("crash", 2): "crash",
        ("memory", 0): "traceback",
    }
    assert "KeyError: 'a bug'" in found["traceback", 0].detail
    assert "_sleep" in found["silence", 0].detail
    assert "MemoryError" in found["memory", 0].detail
    assert report.counts["read", "read"] == 10
    assert report.num_tried == 19
    keep_findings(report, make_toys, tmp_path)
    kept = tmp_path / "crash-3-2"
    assert (kept / "a.txt").read_bytes() == make_input(make_toys(tmp_path)["crash"], 3, 2)["a.txt"]
    assert (kept / "finding.txt").read_text().startswith("crash\nexit code -11")


def test_inputs_are_shared_out_in_turns() -> None:
    assert list(plan_tasks(["a", "b"], 60)) == [
        *(Task("a", 0, 25), Task("b", 0, 25), Task("a", 25, 5), Task("b", 25, 5)),
    ]
    endless = plan_tasks(["a"], None)
    assert [next(endless).first for _ in range(3)] == [0, 25, 50]


@pytest.mark.slow
def test_thousands_of_damaged_inputs_leave_no_finding(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workers = str(len(os.sched_getaffinity(0)))
    assert main(["--number", "20000", "--workers", workers, "--out", str(tmp_path)]) == 0
    assert ": 0 findings" in capsys.readouterr().out
