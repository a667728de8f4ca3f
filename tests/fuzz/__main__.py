"""Fuzz all targets, or some.    python -m tests.fuzz --number 20000 --seed 1"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from tests.fuzz.crew import Report, Task, keep_findings, run_crew
from tests.fuzz.targets import make_targets

CHUNK = 25


def plan_tasks(names: Sequence[str], number: int | None) -> Iterator[Task]:
    """Share inputs out among the targets, in turns; without a number, there is no end."""
    share = None if number is None else -(-number // len(names))
    for first in count(step=CHUNK):
        if share is not None and first >= share:
            return
        size = CHUNK if share is None else min(CHUNK, share - first)
        yield from (Task(name, first, size) for name in names)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--number", type=int, help="inputs in all")
    parser.add_argument("--seconds", type=float, help="begin no input after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=max(1, len(os.sched_getaffinity(0)) - 1))
    parser.add_argument("--only", default="", help="targets whose names hold this text")
    parser.add_argument("--out", type=Path, default=Path(gettempdir()) / "fuzz-findings")
    options = parser.parse_args(arguments)
    if options.number is None and options.seconds is None:
        parser.error("give --number, --seconds or both")
    with TemporaryDirectory(prefix="fuzz-") as folder:
        names = [name for name in make_targets(Path(folder)) if options.only in name]
    if not names:
        parser.error(f"no target's name holds {options.only!r}")
    started, told = time.monotonic(), 0.0

    def tell(report: Report) -> None:
        nonlocal told
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{report.num_tried:,} tried, {len(report.findings)} findings", file=sys.stderr)

    report = run_crew(
        make_targets,
        plan_tasks(names, options.number),
        seed=options.seed,
        num_workers=options.workers,
        seconds=options.seconds,
        tell=tell,
    )
    keep_findings(report, make_targets, options.out)
    _print(report, time.monotonic() - started, options.out)
    return 1 if report.findings else 0


def _print(report: Report, seconds: float, out: Path) -> None:
    targets = dict.fromkeys(target for target, _ in report.counts)
    for target in targets:
        kinds = {kind: n for (name, kind), n in report.counts.items() if name == target}
        counts = ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items()))
        print(f"{target:45} {counts}")
    print(
        f"{report.num_tried:,} inputs of {len(targets)} targets, seed {report.seed}, in "
        f"{seconds:.0f} s: {len(report.findings)} findings"
        + (f", in {out}" if report.findings else "")
    )


if __name__ == "__main__":
    sys.exit(main())
