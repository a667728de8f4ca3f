"""Write the five mini benchmarks, once, into a folder that any number of processes may share."""

import shutil
import tempfile
from pathlib import Path

from evals.mini.coco import make_coco
from evals.mini.hateful_memes import make_hateful_memes
from evals.mini.okvqa import make_okvqa
from evals.mini.textvqa import make_textvqa
from evals.mini.vqav2 import make_vqav2

VERSION = 1
"""Raised when a maker writes other bytes: the shipped checkpoint's scores belong to one version."""

MARKER = "MINI.txt"
"""Stands beside the five folders: whoever is given one as a data_dir knows what it is."""

MAKERS = {
    "vqav2": make_vqav2,
    "okvqa": make_okvqa,
    "coco": make_coco,
    "textvqa": make_textvqa,
    "hateful_memes": make_hateful_memes,
}


def make_mini(root: Path) -> None:
    """Write `root/{vqav2,okvqa,coco,textvqa,hateful_memes}`, each an official `data_dir`.

    The same Pillow writes the same bytes.
    """
    for name, make in MAKERS.items():
        make(root / name)
    note = "Five mini benchmarks, drawn by evals.mini: not the benchmarks whose names they bear.\n"
    (root / MARKER).write_text(note)


def is_mini(data_dir: Path) -> bool:
    """Return whether a task's folder is one that `make_mini` wrote."""
    return (data_dir.parent / MARKER).is_file()


def ensure_mini(cache_dir: Path) -> Path:
    """Return the folder of the mini benchmarks under `cache_dir`, made where it is missing.

    It appears whole or not at all. Two processes may make it at the same time: both write the
    same, and the second keeps what the first has put there.
    """
    root = cache_dir / f"mini-v{VERSION}"
    if root.is_dir():
        return root
    cache_dir.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=cache_dir))
    try:
        made = temporary / "made"
        make_mini(made)
        try:
            made.rename(root)
        except OSError:
            if not root.is_dir():
                raise
    finally:
        shutil.rmtree(temporary)
    return root
