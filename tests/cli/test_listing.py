"""`evals ls`: what state a run is in, what it scored, and how a list looks."""

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from evals.cli.listing import RUNS_DIR, list_runs
from evals.errors import ResultsError
from evals.records import RECORDS
from evals.report.run_list import render_runs
from evals.report.runs import ListedRun, RunState, find_runs, is_held, read_run
from evals.runner.identity import RUNS_DIR as MADE_IN
from evals.store import CONFIG, IDENTITY, PLAN, RunFolder
from evals.summary import SUMMARY, read_summary, write_summary
from tests.cli.processes import environment
from tests.identities import read_again
from tests.runner.calls import evaluate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four queries."""
    run_dir, _ = evaluate("vqav2", tmp_path_factory.mktemp("made"))
    return run_dir


@pytest.fixture
def run_dir(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "runs" / "vqav2-mock")


def cut(run_dir: Path, num_records: int) -> None:
    """Leave a run as it is when it is interrupted."""
    (run_dir / SUMMARY).unlink()
    lines = (run_dir / RECORDS).read_bytes().splitlines(keepends=True)
    (run_dir / RECORDS).write_bytes(b"".join(lines[:num_records]) + b'{"id": "torn')


def hold(run_dir: Path) -> RunFolder:
    return RunFolder(run_dir, read_again(run_dir / IDENTITY), {"seed": 0})


def render(runs: list[ListedRun], width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(render_runs(runs))
    return capture.get()


def test_a_finished_run_has_its_headline_as_papers_print_it(run_dir: Path) -> None:
    run = read_run(run_dir)
    summary = read_summary(run_dir)
    assert summary.headline is not None
    assert run.state is RunState.FINISHED
    assert (run.task, run.split, run.model, run.protocol) == ("vqav2", "val", "mock", "idefics")
    assert (run.shots, run.seed, run.score) == (2, 0, "official")
    assert run.value == 100 * summary.scores["official"]["value"]
    assert run.standard_error == 100 * summary.scores["official"]["standard_error"]
    assert (run.num_answered, run.num_asked) == (4, 4)
    assert run.remark == "subset of 214,354"


def test_an_interrupted_run_says_how_far_it_is(run_dir: Path) -> None:
    cut(run_dir, 3)
    run = read_run(run_dir)
    assert run.state is RunState.INTERRUPTED
    assert (run.num_answered, run.num_asked) == (3, 4)  # a torn line is no answer
    assert (run.task, run.split, run.model, run.protocol) == ("vqav2", "val", "mock", "idefics")
    assert (run.shots, run.seed, run.value) == (2, 0, None)


def test_a_run_that_was_extended_and_stopped_is_interrupted(run_dir: Path) -> None:
    """Its summary is of the smaller limit; and the clock was a year ahead when it was written."""
    write_summary(run_dir, replace(read_summary(run_dir), num_queries=2))
    later = (run_dir / RECORDS).stat().st_mtime + 31_536_000
    os.utime(run_dir / SUMMARY, (later, later))
    assert read_run(run_dir).state is RunState.INTERRUPTED


def test_a_run_of_fewer_than_all_is_finished_when_those_are_scored(run_dir: Path) -> None:
    write_summary(run_dir, replace(read_summary(run_dir), num_queries=2))
    config = (run_dir / CONFIG).read_text()
    assert "\nlimit: null\n" in config
    (run_dir / CONFIG).write_text(config.replace("\nlimit: null\n", "\nlimit: 2\n"))
    assert read_run(run_dir).state is RunState.FINISHED


def test_a_copied_run_is_finished_whatever_its_times(run_dir: Path) -> None:
    os.utime(run_dir / SUMMARY, (0, 0))
    assert read_run(run_dir).state is RunState.FINISHED


def test_a_run_that_a_process_writes_is_running_and_is_left_alone(run_dir: Path) -> None:
    cut(run_dir, 2)
    with hold(run_dir) as folder:
        assert read_run(run_dir).state is RunState.RUNNING
        with pytest.raises(ResultsError, match="being written by another process"):
            hold(run_dir)
    assert folder.path == run_dir
    assert read_run(run_dir).state is RunState.INTERRUPTED
    with hold(run_dir):  # asking has left no lock behind
        pass


def test_asking_for_the_lock_writes_nothing(run_dir: Path) -> None:
    before = (run_dir / RECORDS).stat()
    assert not is_held(run_dir / RECORDS)
    after = (run_dir / RECORDS).stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    assert not is_held(run_dir / "absent")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (SUMMARY, "{", "summary.json"),
        (SUMMARY, "{}", "`evals score"),
        (IDENTITY, "{", "identity.json: Expecting"),
        (IDENTITY, None, "no identity.json"),
    ],
)
def test_what_cannot_be_read_is_broken_and_says_why(
    name: str, content: str | None, said: str, run_dir: Path
) -> None:
    if name == IDENTITY:
        cut(run_dir, 1)
    (run_dir / name).unlink(missing_ok=True)
    if content is not None:
        (run_dir / name).write_text(content)
    run = read_run(run_dir)
    assert run.state is RunState.BROKEN
    assert said in run.remark
    assert "broken" in render([run], 80)


def test_an_unscored_run_says_so(run_dir: Path) -> None:
    unscored = replace(read_summary(run_dir), scores={}, headline=None, unscored="no answers")
    write_summary(run_dir, unscored)
    run = read_run(run_dir)
    assert (run.value, run.remark) == (None, "unscored: no answers")


def test_a_summary_alone_is_a_finished_run(run_dir: Path) -> None:
    """What is published of a run, without its answers."""
    write_summary(run_dir, replace(read_summary(run_dir), is_mini=True))
    (run_dir / RECORDS).unlink()
    run = read_run(run_dir)
    assert (run.state, run.num_answered, run.remark) == (RunState.FINISHED, 4, "mini")


def test_runs_are_found_at_any_depth_once_and_the_newest_is_last(
    run_dir: Path, tmp_path: Path
) -> None:
    old = shutil.copytree(run_dir, tmp_path / "runs" / "more" / "old")
    shutil.copytree(run_dir, tmp_path / "runs" / ".sweep" / "hidden")
    for name in (RECORDS, SUMMARY):
        os.utime(old / name, (1, 1))
    runs = find_runs([tmp_path / "runs", run_dir])
    assert [run.folder for run in runs] == [old, run_dir]
    with pytest.raises(ResultsError, match="no such folder"):
        find_runs([tmp_path / "nowhere"])


def test_the_plan_says_how_much_is_asked(run_dir: Path) -> None:
    cut(run_dir, 1)
    (run_dir / PLAN).unlink()
    run = read_run(run_dir)
    assert (run.num_answered, run.num_asked) == (1, None)
    assert "1/?" in render([run], 80)


LONG = ListedRun(
    Path("results/runs/hateful_memes-idefics-80b-instruct-transformers-32shot-seed2-0123456789ab"),
    RunState.FINISHED,
    changed=1e9,
    task="hateful_memes",
    split="test_unseen",
    model="idefics-80b-instruct-transformers",
    protocol="idefics_instruct",
    shots=32,
    seed=2,
    score="roc_auc_hard_labels",
    value=61.234,
    standard_error=0.51,
    num_answered=2000,
    num_asked=2000,
    remark="subset of 20,000",
)


@pytest.mark.parametrize("width", [80, 120, 300])
def test_a_list_fits_the_terminal_and_says_everything(width: int) -> None:
    text = render([LONG, replace(LONG, state=RunState.INTERRUPTED, value=None)], width)
    assert max(map(len, text.splitlines())) <= width
    joined = "".join(text.split())
    for said in (LONG.folder, LONG.model, LONG.protocol, "ROCAUC,hardlabels", "61.2±0.5"):
        assert str(said) in joined
    assert text.count(str(LONG.folder)) == (2 if width > 80 else 0)
    assert "2 runs: 1 interrupted (the same command resumes), 1 finished" in text
    assert len(text.splitlines()) == {80: 13, 120: 9, 300: 5}[width]


@pytest.fixture
def printed(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> pytest.CaptureFixture[str]:
    monkeypatch.chdir(run_dir.parent)
    monkeypatch.setenv("COLUMNS", "120")
    return capsys


def test_json_has_everything(printed: pytest.CaptureFixture[str]) -> None:
    list_runs([".", "--json"])
    (run,) = json.loads(printed.readouterr().out)["runs"]
    assert run["folder"] == "vqav2-mock"
    assert run["state"] == "finished"
    assert run["changed"].endswith("+00:00")


def test_a_default_folder_that_is_not_there_is_no_mistake(
    printed: pytest.CaptureFixture[str],
) -> None:
    list_runs([])
    assert printed.readouterr().out == f"no runs in {RUNS_DIR}; `evals run` makes them\n"
    list_runs([".."])
    assert "vqav2 val" in printed.readouterr().out


def test_runs_are_looked_for_where_they_are_made() -> None:
    assert RUNS_DIR == MADE_IN


def test_a_list_imports_nothing_heavy(run_dir: Path) -> None:
    program = (
        "import sys\n"
        "from evals.cli.listing import list_runs\n"
        f"list_runs([{str(run_dir)!r}])\n"
        "heavy = {'torch', 'transformers', 'pandas', 'numpy', 'hydra', 'datasets', 'evaluate'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
