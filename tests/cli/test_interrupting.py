"""Ctrl-C: a run ends in order, keeps its answers, and says how to go on."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.cli.interrupting import say_interrupted
from evals.records import RECORDS, read_records
from evals.report.runs import RunState, read_run
from evals.store import IDENTITY
from tests.cli.processes import EVALS, REPOSITORY, environment
from tests.runner.calls import make_data

SLOW = '''
"""A model that takes a while for each answer, and to end."""

import time
from dataclasses import dataclass
from pathlib import Path

from evals.models.mock import MockModel
from evals.models.specs import MockSpec


class SlowModel(MockModel):
    def generate(self, requests):
        try:
            for request in requests:
                yield from super().generate([request])
                time.sleep(0.0 if Path("quick").exists() else 60.0)
        finally:
            Path("ending").touch()
            time.sleep(1.0 if Path("clings").exists() else 0.0)


@dataclass(frozen=True)
class SlowSpec(MockSpec):
    api_key: str = ""

    def load(self):
        return SlowModel(self.max_tokens)
'''
WORDS = (
    "run",
    "task=vqav2",
    "model=mock",
    "model._target_=slow.SlowSpec",
    "+model.api_key=key-of-the-line",
    "shots=[0]",
    "run_dir=my run",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_data("vqav2", tmp_path / "data" / "vqav2")
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path


def start(folder: Path) -> "subprocess.Popen[str]":
    # A shell's background job ignores Ctrl-C, and so do its children unless they are told.
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *EVALS, *WORDS],
        cwd=folder,
        env=environment(PYTHONPATH=f".:{REPOSITORY}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_answer(folder: Path, process: "subprocess.Popen[str]") -> None:
    records = folder / "my run" / RECORDS
    wait_for(lambda: records.is_file() and records.stat().st_size > 0, process)


def wait_for(condition: object, process: "subprocess.Popen[str]") -> None:
    assert callable(condition)
    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_a_run_ends_with_the_command_that_resumes_it(folder: Path) -> None:
    process = start(folder)
    wait_for_answer(folder, process)
    assert read_run(folder / "my run").state is RunState.RUNNING
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "key-of-the-line" not in said
    first, command, hidden = said.splitlines()[-3:]
    assert first == "interrupted; the answers until here are kept"
    assert hidden == "(with your own words for <hidden>)"
    words = shlex.split(command.removeprefix("resume with: "))
    shown = ["+model.api_key=<hidden>" if "api_key" in word else word for word in WORDS]
    assert words == [*EVALS, *shown]

    run = read_run(folder / "my run")
    assert (run.state, run.num_answered, run.num_asked) == (RunState.INTERRUPTED, 1, 4)
    kept = (folder / "my run" / RECORDS).read_bytes()
    (folder / "quick").touch()
    again = [word.replace("<hidden>", "another-key") for word in words]
    done = subprocess.run(
        again, cwd=folder, env=environment(PYTHONPATH=f".:{REPOSITORY}"), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert read_run(folder / "my run").state is RunState.FINISHED
    assert (folder / "my run" / RECORDS).read_bytes().startswith(kept)


def test_a_second_ctrl_c_is_heard_and_the_end_stays_in_order(folder: Path) -> None:
    (folder / "clings").touch()
    process = start(folder)
    wait_for_answer(folder, process)
    process.send_signal(signal.SIGINT)
    wait_for((folder / "ending").exists, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "ending in order; Ctrl-C once more ends at once" in said
    assert "resume with: " in said.splitlines()[-2]
    assert "Traceback" not in said
    assert len(list(read_records(folder / "my run"))) == 1


def test_a_third_ctrl_c_ends_at_once_and_keeps_the_answers(folder: Path) -> None:
    (folder / "clings").touch()
    process = start(folder)
    wait_for_answer(folder, process)
    process.send_signal(signal.SIGINT)
    wait_for((folder / "ending").exists, process)
    for _ in range(20):  # signals that come at once are one
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        if process.poll() is not None:
            break
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert len(list(read_records(folder / "my run"))) == 1
    assert (folder / "my run" / IDENTITY).is_file()


def test_other_commands_promise_nothing() -> None:
    assert say_interrupted(["score", "run"], ["python", "evals", "score", "run"]) == "interrupted"


def test_the_command_is_quoted_and_named_as_it_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin dir" / "evals"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    words = ["run", "task=[okvqa,coco]", "shots=[0,4]", "run_dir=a b", "-m"]
    quoted = "run 'task=[okvqa,coco]' 'shots=[0,4]' 'run_dir=a b' -m"

    def resume(*program: str) -> str:
        last = say_interrupted(words, [*program, *words]).splitlines()[-1]
        return last.removeprefix("resume with: ")

    monkeypatch.setenv("PATH", "")
    assert resume("/usr/bin/python", str(script)) == f"'{script}' {quoted}"
    assert resume("python3", "-m", "evals") == f"python3 -m evals {quoted}"
    monkeypatch.setenv("PATH", str(script.parent))
    assert resume("/usr/bin/python", str(script)) == f"evals {quoted}"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("model.url=https://me:word@host/api", "'model.url=https://<hidden>@host/api'"),
        ("+model.token=abc", "'+model.token=<hidden>'"),
        ("hf_0123456789abcdef0123", "'<hidden>'"),
        ("model.user=${oc.env:MY_SECRET}", "'model.user=${oc.env:MY_SECRET}'"),
    ],
)
def test_secrets_are_not_repeated(word: str, shown: str) -> None:
    said = say_interrupted(["run", word], ["python", "-m", "evals", "run", word])
    assert said.splitlines()[1] == f"resume with: python -m evals run {shown}"
    assert ("(with your own words" in said) is ("<hidden>" in shown)
