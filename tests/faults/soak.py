"""A long run killed ten times: `python -m tests.faults.soak`.

214,354 answers of the mock are written, with a SIGKILL and a resume after every eleventh of them.
No answer may be lost or doubled, and memory must stay flat: what a process holds grows with the
data that it loads, not with the answers that it writes.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evals.bench.questions import write_vqav2
from evals.records import read_records
from tests.faults.kills import warm_up

NUM_QUERIES = 214_354
NUM_KILLS = 10
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Attempt:
    """One process, from its start to its kill or its end."""

    first: int
    """Answers that were on disk when it began to write."""
    last: int
    seconds: float
    loaded: float
    """MB that it held when its first answer came."""
    peak: float
    """MB that it held at most while it wrote."""

    @property
    def growth(self) -> float:
        return self.peak - self.loaded


@contextmanager
def start(words: list[str], log: Path) -> Iterator[int]:
    """Run `evals` in a fork of this process, which is killed if it has not ended."""
    child = os.fork()
    if child == 0:
        from evals.cli import main

        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["evals", *words]
        try:
            main()
        except SystemExit as stop:
            os._exit(int(stop.code or 0))
        os._exit(0)
    yield child


def attempt(words: list[str], run: Path, log: Path, *, kill_at: int | None) -> Attempt:
    """Run until so many answers are on disk, or to the end."""
    began, first = time.monotonic(), _count_answers(run)
    loaded = peak = 0.0
    written = first
    with start(words, log) as child:
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                assert os.waitstatus_to_exitcode(status) == 0, log.read_text()[-3000:]
                break
            written = _count_answers(run)
            if written > first:
                held = _read_resident(child)
                loaded, peak = loaded or held, max(peak, held)
            if kill_at is not None and written >= kill_at:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.02)
    _COUNTED.clear()
    return Attempt(first, _count_answers(run), time.monotonic() - began, loaded, peak)


_COUNTED: dict[Path, tuple[int, int]] = {}
"""Records file -> bytes that were read of it, newlines in them."""


def _count_answers(run: Path) -> int:
    path = run / "records.jsonl"
    if not path.is_file():
        return 0
    start_at, count = _COUNTED.get(path, (0, 0))
    with path.open("rb") as file:
        file.seek(start_at)
        read = file.read()
    _COUNTED[path] = (start_at + len(read), count + read.count(b"\n"))
    return _COUNTED[path][1]


def _read_resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0
    return pages * PAGE / 1e6


def main(arguments: list[str] | None = None) -> None:
    """Write, kill, resume, and print what each process held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--queries", type=int, default=NUM_QUERIES)
    parser.add_argument("--kills", type=int, default=NUM_KILLS)
    parser.add_argument("--shots", type=int, default=4)
    options = parser.parse_args(arguments)
    warm_up()
    draw = random.Random("soak")
    with tempfile.TemporaryDirectory(prefix="evals-soak-") as name:
        folder = Path(name)
        write_vqav2(folder / "data", num_queries=options.queries)
        run, log = folder / "run", folder / "log"
        words = ["run", "task=vqav2", "model=mock", f"shots={options.shots}"]
        words += [f"data_dir={folder / 'data'}", f"run_dir={run}"]
        print("  answers       seconds  MB at first answer  most MB  growth", flush=True)
        made = []
        step = options.queries / (options.kills + 1)
        for number in range(options.kills + 1):
            last = number == options.kills
            kill_at = None if last else round(step * (number + 0.5 + draw.random()))
            made.append(attempt(words, run, log, kill_at=kill_at))
            it = made[-1]
            print(
                f"  {it.first:7,} {it.last:7,} {it.seconds:6.0f} {it.loaded:14.0f} "
                f"{it.peak:14.0f} {it.growth:7.0f}",
                flush=True,
            )
        ids = [record.id for record in read_records(run)]
        assert len(ids) == len(set(ids)) == options.queries, "answers lost or doubled"
        assert (run / "summary.json").is_file()
    written = [each for each in made if each.loaded]
    print(f"{options.queries:,} answers, {options.kills} kills: none lost, none doubled;")
    print(f"a process grew by at most {max(each.growth for each in written):.0f} MB while it wrote")


if __name__ == "__main__":
    main()
