"""Instruments: the matrix rate, and what a process takes."""

import subprocess
import sys
from pathlib import Path

import torch

from evals.bench.memory import read_peak_bytes, read_worker_bytes
from evals.bench.rate import measure_rate
from tests.bench.conftest import TINY

REPOSITORY = Path(__file__).parent.parent.parent
MEBIBYTE = 2**20


def test_the_matrix_rate_is_a_rate() -> None:
    rate = measure_rate(TINY, device=torch.device("cpu"), dtype=torch.float32, seconds=0.05)
    # A core does some 10^7 to 10^12 operations a second, whatever else is going on.
    assert 1e7 < rate < 1e13


def test_a_peak_stays_when_the_memory_is_given_back() -> None:
    code = (
        "from evals.bench.memory import read_peak_bytes as peak\n"
        "before = peak()\n"
        f"block = bytearray(b'x') * (300 * {MEBIBYTE})\n"
        "del block\n"
        "print(before, peak())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    before, after = map(int, done.stdout.split())
    assert 290 * MEBIBYTE < after - before < 310 * MEBIBYTE


def test_workers_of_workers_count_and_an_idle_process_has_none() -> None:
    assert read_peak_bytes() > 50 * MEBIBYTE  # torch alone takes more
    child = (
        "import sys\n"
        f"block = bytearray(b'x') * (80 * {MEBIBYTE})\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()"
    )
    parent = (
        "import subprocess, sys\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "worker.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        held = read_worker_bytes(process.pid)
        process.stdin.close()
    assert 80 * MEBIBYTE < held < 120 * MEBIBYTE
    assert read_worker_bytes(process.pid) == 0  # it is gone
