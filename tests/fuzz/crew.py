"""Processes that try inputs; one that dies, or says nothing for long, is a finding, too."""

import faulthandler
import os
import resource
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp

from tests.fuzz.targets import Target
from tests.fuzz.trying import Outcome, make_input, try_input, write_files

SILENT_SECONDS = 60.0
"""After which a process is taken for hung, in what no Python signal interrupts."""
START_SECONDS = 300.0
"""That a process may take until all is loaded, on a busy machine."""
MEMORY_BYTES = 4 << 30
"""That a process may take beyond what it has once all is loaded."""

MakeTargets = Callable[[Path], Mapping[str, Target]]


@dataclass(frozen=True)
class Task:
    """Inputs of one target, one after the other."""

    target: str
    first: int
    count: int


@dataclass
class Report:
    seed: int
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(target, kind of outcome) -> inputs."""
    findings: list[tuple[str, int, Outcome]] = field(default_factory=list)
    """Target, number, what came of it."""

    @property
    def num_tried(self) -> int:
        return self.counts.total()

    def add(self, target: str, number: int, outcome: Outcome) -> None:
        self.counts[target, outcome.kind] += 1
        if outcome.is_finding:
            self.findings.append((target, number, outcome))


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    log: Path
    """Where it writes what it is at, when it is asked by a signal."""
    task: Task | None = None
    number: int = 0
    heard: float = field(default_factory=time.monotonic)


def run_crew(
    make_targets: MakeTargets,
    tasks: Iterator[Task],
    *,
    seed: int,
    num_workers: int,
    seconds: float | None = None,
    silent_seconds: float = SILENT_SECONDS,
    tell: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Have tasks done, until there are none or time is up."""
    report = Report(seed)
    ends = None if seconds is None else time.monotonic() + seconds
    workers = [_start(make_targets, seed) for _ in range(num_workers)]
    waiting: list[Task] = []
    while workers:
        ready = wait([each.pipe for each in workers], timeout=1.0)
        for worker in list(workers):
            patience = silent_seconds if worker.number >= 0 else START_SECONDS
            is_silent = time.monotonic() - worker.heard > patience
            is_over = not _hear(worker, report) if worker.pipe in ready else is_silent
            if is_over:
                waiting += _bury(worker, report, is_silent=is_silent)
                workers.remove(worker)
                if task := _choose(waiting, tasks, ends):
                    waiting.append(task)
                    workers.append(_start(make_targets, seed))
            elif worker.task is None and worker.number >= 0:
                _send(worker, _choose(waiting, tasks, ends))
        tell(report)
    return report


def _choose(waiting: list[Task], tasks: Iterator[Task], ends: float | None) -> Task | None:
    if ends is not None and time.monotonic() > ends:
        return None
    return waiting.pop() if waiting else next(tasks, None)


def _start(make_targets: MakeTargets, seed: int) -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    handle, log = mkstemp(prefix="fuzz-", suffix=".log")
    os.close(handle)
    process = context.Process(target=_work, args=(theirs, make_targets, seed, log), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, Path(log), number=-1)


def _send(worker: _Worker, task: Task | None) -> None:
    worker.task = task
    worker.heard = time.monotonic()
    try:
        worker.pipe.send(task)
    except OSError:
        return  # it is dead, which is heard next


def _hear(worker: _Worker, report: Report) -> bool:
    """Note what a worker says; false where it will say no more."""
    try:
        number, outcome = worker.pipe.recv()
    except (EOFError, OSError):
        return False
    worker.heard = time.monotonic()
    if worker.task is None:  # it is ready
        worker.number = 0
        return True
    if outcome is None:
        worker.number = number
        return True
    report.add(worker.task.target, number, outcome)
    if number == worker.task.first + worker.task.count - 1:
        worker.task = None
    return True


def _bury(worker: _Worker, report: Report, *, is_silent: bool) -> Sequence[Task]:
    """Note what killed a worker, if it had something to do; return what it has left."""
    if is_silent:
        assert worker.process.pid is not None
        os.kill(worker.process.pid, signal.SIGUSR1)
        time.sleep(1.0)
        outcome = Outcome("hang", f"silent, at\n{worker.log.read_text()}")
        worker.process.kill()
        worker.process.join()
    else:
        worker.process.join()
        outcome = Outcome("crash", f"exit code {worker.process.exitcode}")
    worker.log.unlink()
    task = worker.task
    if task is None:
        return ()
    report.add(task.target, worker.number, outcome)
    left = task.first + task.count - 1 - worker.number
    return [Task(task.target, worker.number + 1, left)] if left else ()


def _work(pipe: Connection, make_targets: MakeTargets, seed: int, log: str) -> None:
    """Try what is asked for until there is no more: what a process of the crew runs."""
    warnings.simplefilter("ignore")
    with Path(log).open("w") as file, TemporaryDirectory(prefix="fuzz-") as name:
        faulthandler.register(signal.SIGUSR1, file)
        os.environ["EVALS_CACHE_DIR"] = f"{name}/cache"
        targets = make_targets(Path(name) / "sound")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        limit = _count_own_bytes() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        pipe.send((0, None))
        while task := pipe.recv():
            folder = Path(name) / "damaged" / task.target.replace(" ", "_")
            for number in range(task.first, task.first + task.count):
                pipe.send((number, None))
                pipe.send((number, try_input(targets[task.target], seed, number, folder)))


def _count_own_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def keep_findings(report: Report, make_targets: MakeTargets, out: Path) -> None:
    """Write each finding's damaged files and what came of them."""
    if not report.findings:
        return
    with TemporaryDirectory(prefix="fuzz-") as name:
        targets = make_targets(Path(name))
        for target, number, outcome in report.findings:
            folder = out / f"{target.replace(' ', '_')}-{report.seed}-{number}"
            write_files(folder, make_input(targets[target], report.seed, number))
            (folder / "finding.txt").write_text(
                f"{outcome.kind}\n{outcome.detail}\n", "utf-8", "backslashreplace"
            )
