"""What is fuzzed: sound files in real formats, and the production code that reads them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """Sound files, some of which are damaged, and what reads them."""

    name: str
    files: Mapping[str, bytes]
    """Below the folder that is read; whatever else it needs is written by `make_targets`, once."""
    damaged: tuple[str, ...]
    """Those of them that mistakes are made in."""
    read: Read
    """Reads a folder: returns, or raises an `EvalError`."""
    others: tuple[bytes, ...] = ()
    """What damaged files may be spliced with, beside each other."""
    names_file: bool = True
    """The error must name a damaged file."""
    cpu_seconds: float = 5.0
    """For one input; sound ones take milliseconds. Of the CPU, for the machine may be busy."""


def make_targets(folder: Path) -> dict[str, Target]:
    """Return all targets by name, their sound files written below a folder of this process."""
    from tests.fuzz.checkpoint_targets import make_checkpoint_targets
    from tests.fuzz.data_targets import make_data_targets
    from tests.fuzz.picture_targets import make_picture_targets
    from tests.fuzz.run_targets import make_run_targets

    def every() -> Iterator[Target]:
        yield from make_data_targets(folder)
        yield from make_picture_targets(folder)
        yield from make_checkpoint_targets(folder)
        yield from make_run_targets(folder)

    return {target.name: target for target in every()}


def read_files(folder: Path, *names: str) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}
