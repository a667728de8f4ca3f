"""A side's process: what goes wrong in it is told here."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from evals.bench.cases import Case
from evals.bench.child import Child
from evals.bench.sides import SideSettings
from evals.errors import CheckpointError, EvalError


def test_a_users_mistake_comes_through_and_a_bug_keeps_its_traceback(
    settings: SideSettings, tmp_path: Path
) -> None:
    with Child("engine", replace(settings, checkpoint=tmp_path)) as child:
        with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
            child.call("prepare", Case("random", 0))
        with pytest.raises(RuntimeError, match="has no attribute 'nonsense'"):
            child.call("nonsense")
        assert child.call("peak_bytes") > 50 * 2**20  # and it goes on


def test_a_process_that_is_gone_is_told(settings: SideSettings) -> None:
    with Child("engine", settings) as child:
        child.call("prepare", Case("random", 0))
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(EvalError, match="engine ended with code -9"):
            child.call("answer", Case("random", 0), None)


def test_no_process_is_left_when_the_parent_fails(settings: SideSettings) -> None:
    child = Child("engine", settings)
    with pytest.raises(KeyError, match="ours"), child:
        _send_and_fail(child)
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def _send_and_fail(child: Child) -> None:
    child.send("prepare", Case("random", 0))
    raise KeyError("ours")
