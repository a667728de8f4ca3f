"""One input: damaged, read within limits, and judged."""

import json
import random
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from evals.errors import EvalError
from tests.fuzz.damaging import damage_bytes, damage_json, mend_png
from tests.fuzz.targets import Target

MAX_MESSAGE = 60_000
"""Letters of an error: it lists twenty mistakes of a thousand letters at most."""


class HangError(BaseException):
    """An input took too long; nobody catches it by mistake."""


@dataclass(frozen=True)
class Outcome:
    kind: str
    """`read`, `refused`, or of a finding: `traceback`, `hang`, `unnamed`, `crash`."""
    detail: str = ""

    @property
    def is_finding(self) -> bool:
        return self.kind not in ("read", "refused")


def make_input(target: Target, seed: int, number: int) -> dict[str, bytes]:
    """Return the target's files, one or more of them damaged: a function of these three."""
    rng = random.Random(f"{target.name} {seed} {number}")
    files = dict(target.files)
    for name in rng.sample(target.damaged, 1 if rng.random() < 0.8 else len(target.damaged)):
        files[name] = _damage(files[name], name, rng, (*target.files.values(), *target.others))
    return files


def _damage(content: bytes, name: str, rng: random.Random, others: tuple[bytes, ...]) -> bytes:
    in_structure = rng.random() < 0.7
    if in_structure and name.endswith(".json"):
        return damage_json(json.loads(content), rng)
    if in_structure and name.endswith(".jsonl"):
        lines = content.splitlines()
        at = rng.randrange(len(lines))
        lines[at] = damage_json(json.loads(lines[at]), rng)
        return b"\n".join(lines) + b"\n"
    if in_structure and name.endswith(".safetensors"):
        size = int.from_bytes(content[:8], "little")
        header = damage_json(json.loads(content[8 : 8 + size]), rng)
        return len(header).to_bytes(8, "little") + header + content[8 + size :]
    damaged = damage_bytes(content, rng, others)
    return mend_png(damaged) if in_structure else damaged


def try_input(target: Target, seed: int, number: int, folder: Path) -> Outcome:
    """Write an input below `folder`, have it read, and judge what comes of it."""
    files = make_input(target, seed, number)
    write_files(folder, files)
    try:
        with _limit_time(target.cpu_seconds):
            target.read(folder)
    except EvalError as error:
        return _judge(str(error), target)
    except HangError:
        return Outcome("hang", traceback.format_exc(limit=-20))
    except Exception:  # any that is no EvalError is what fuzzing looks for
        return Outcome("traceback", traceback.format_exc(limit=-20))
    finally:
        for name in files:
            (folder / name).unlink()
    return Outcome("read")


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _judge(message: str, target: Target) -> Outcome:
    names = [name.rpartition("/")[2] for name in target.damaged]
    if target.names_file and not any(name in message for name in names):
        return Outcome("unnamed", message[:2000])
    if len(message) > MAX_MESSAGE:
        return Outcome("unnamed", f"{len(message)} letters: {message[:2000]}")
    return Outcome("refused", message[:300])


@contextmanager
def _limit_time(cpu_seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
