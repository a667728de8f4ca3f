"""The long fault tests, in processes of their own: `pytest -m slow`."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent


def run_module(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_killed_runs_end_as_the_undisturbed_one() -> None:
    assert "all 10 runs ended as the undisturbed one" in run_module(
        "tests.faults.kills", "--number", "10"
    )


@pytest.mark.slow
def test_a_long_run_loses_nothing_and_stays_small() -> None:
    printed = run_module("tests.faults.soak", "--queries", "20000", "--kills", "4")
    assert "none lost, none doubled" in printed
    growth = int(printed.split("grew by at most ")[1].split(" MB")[0])
    assert growth < 60
