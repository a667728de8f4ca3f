"""Sweeps whose parts are jobs of their own: by submitit, here and on a SLURM that is made up.

The made-up one is four small programs that do with a batch file what SLURM would do with it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from evals.records import read_records
from tests.cli.processes import EVALS, environment, run_piped
from tests.runner.calls import make_data

pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="pip install .[slurm]")

SBATCH = r"""#!/bin/bash
# Runs the tasks of an array in the background, each again as often as `scontrol requeue` asked.
here=$(dirname "$0"); cp "$1" "$here/batch"
last=$(sed -nE 's/^#SBATCH --array=.?0-([0-9]+)%.*/\1/p' "$1")
for task in $(seq 0 "${last:-0}"); do
    (
        export SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$task
        bash "$here/batch"
        while [ -e "$here/requeue-7_$task" ]; do
            mv "$here/requeue-7_$task" "$here/requeued-7_$task"
            bash "$here/batch"
        done
    ) >/dev/null 2>&1 &
done
echo "Submitted batch job 7"
"""
SRUN = r"""#!/bin/bash
# Runs its command, once its options are away.
while [[ $1 == --* ]]; do
    case $1 in
        --output) out=${2//%A/7}; out=${out//%a/$SLURM_ARRAY_TASK_ID}; out=${out//%t/0}; shift 2;;
        --error) err=${2//%A/7}; err=${err//%a/$SLURM_ARRAY_TASK_ID}; err=${err//%t/0}; shift 2;;
        *) shift;;
    esac
done
mkdir -p "$(dirname "$out")"
exec "$@" >>"$out" 2>>"$err"
"""
SCONTROL = """#!/bin/bash
[ "$1" = requeue ] && touch "$(dirname "$0")/requeue-$2"
"""
SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
"""


@pytest.fixture
def slurm(tmp_path: Path) -> Path:
    """Give the folder of the made-up SLURM."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (
        ("sbatch", SBATCH),
        ("srun", SRUN),
        ("scontrol", SCONTROL),
        ("sacct", SACCT),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def list_words(where: Path, launcher: str, *, seconds: float) -> list[str]:
    """Make the data, and return the words of a sweep with two parts and a slow model."""
    make_data("vqav2", where / "data" / "vqav2")
    return [
        *("run", "-m", f"hydra/launcher={launcher}", "task=vqav2", "shots=0,2", "model=mock"),
        *("model._target_=tests.execution.toys.ToySpec", f"+model.seconds={seconds}"),
        f"+model.folder={where}",
    ]


def find_records(where: Path) -> list[Path]:
    return sorted(where.glob("results/runs/vqav2-*/records.jsonl"))


def find_jobs(where: Path) -> list[int]:
    """Return the processes that answer parts of a sweep there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes()
            if b"submitit.core._submit" in words and (process / "cwd").resolve() == where:
                found.append(int(process.name))
    return found


def wait_until(holds: Callable[[], object], *, of: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert of.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def start(
    words: Sequence[str], where: Path, **variables: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a sweep; whatever of it is left at the end is ended."""
    output = (where / "output").open("wb")
    process = subprocess.Popen(
        [*EVALS, *words],
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=where,
        env=environment(**variables),
    )
    try:
        with output:
            yield process
    finally:
        process.kill()
        process.wait()
        for job in find_jobs(where):
            os.kill(job, signal.SIGKILL)


def assert_whole(where: Path) -> None:
    """See that both parts have all answers, none twice, and a summary."""
    assert len(find_records(where)) == 2
    for path in find_records(where):
        ids = [record.id for record in read_records(path.parent)]
        assert len(ids) == len(set(ids)) == 4
        assert len(path.read_text().splitlines()) == 4
        assert json.loads((path.parent / "summary.json").read_text())["num_queries"] == 4


def test_a_part_that_was_killed_goes_on_with_the_same_command(tmp_path: Path) -> None:
    words = list_words(tmp_path, "here", seconds=0.5)
    with start(words, tmp_path) as sweep:
        wait_until(lambda: any(path.stat().st_size for path in find_records(tmp_path)), of=sweep)
        (path, *_) = [path for path in find_records(tmp_path) if path.stat().st_size]
        before = path.read_bytes()
        for job in find_jobs(tmp_path):
            os.kill(job, signal.SIGKILL)
        assert sweep.wait(60) != 0
    assert before.count(b"\n") < 4
    words[words.index("+model.seconds=0.5")] = "+model.seconds=0"
    again = run_piped([*EVALS, *words], cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert path.read_bytes().startswith(before)
    assert_whole(tmp_path)


def test_a_job_that_slurm_tells_to_end_is_submitted_again_and_goes_on(
    slurm: Path, tmp_path: Path
) -> None:
    words = [
        *list_words(tmp_path, "slurm", seconds=0.5),
        *("hydra.launcher.partition=gpu", "hydra.launcher.gpus_per_node=2"),
    ]
    with start(words, tmp_path, PATH=f"{slurm}{os.pathsep}{os.environ['PATH']}") as sweep:
        wait_until(lambda: any(path.stat().st_size for path in find_records(tmp_path)), of=sweep)
        told = find_jobs(tmp_path)
        for job in told:
            os.kill(job, signal.SIGUSR2)
        assert sweep.wait(120) == 0, (tmp_path / "output").read_text()
    assert len(told) == len(list(slurm.glob("requeued-7_*"))) > 0
    assert_whole(tmp_path)
    batch = (slurm / "batch").read_text()
    for line in ("partition=gpu", "gpus-per-node=2", "time=720", "signal=USR2@120", "mem=64GB"):
        assert f"#SBATCH --{line}\n" in batch
    assert "#SBATCH --array=0-1%2\n" in batch
