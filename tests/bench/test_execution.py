"""The bench of execution: what it takes, and what it prints. Ray itself is in tests/execution."""

import json
import sys
from pathlib import Path

import pytest

from evals.bench.execution import CASES, bench_execution, report, run
from evals.errors import ConfigError
from tests.cli.processes import run_piped
from tests.runner.calls import make_data

MODULE = ("-m", "evals.bench.execution")


def test_a_run_is_timed_and_its_answers_are_counted(tmp_path: Path) -> None:
    data_dir = make_data("vqav2", tmp_path / "data")
    made = run(["task=vqav2", "model=mock", f"data_dir={data_dir}", f"run_dir={tmp_path / 'run'}"])
    assert made["answers"] == 4
    assert 0 < made["answer_seconds"] < made["seconds"]
    assert made["answer_cpu_seconds"] > 0


def test_the_report_ends_with_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"answers": 10, "load_seconds": 1.0, "seconds": 20.0}
    one |= {"answer_seconds": 2.0, "answer_cpu_seconds": 0.005}
    slower = {**one, "seconds": 21.0}
    wholes = {name: [slower if "ray" in name else one] * 3 for name in CASES}
    report(wholes, wholes)
    *lines, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["overheads"] == {name: 0.05 if "ray" in name else 0.0 for name in CASES}
    rows = [line for line in lines if "+5.0%" in line]
    assert len(rows) == 2
    assert all("21.0 21.0 21.0" in row for row in rows)
    assert [line for line in lines if "0.500 0.500 0.500" in line]


def test_options_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--rounds and --limit are 1 or more"):
        bench_execution(["--rounds", "0"])
    done = run_piped([sys.executable, *MODULE, "--queries", "1"], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --rounds and --limit are 1 or more, --queries 8 or more\n"
