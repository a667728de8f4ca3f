"""A copy of the tiny checkpoint that is worse: what a gate must notice.

    python -m evals.mini.damage --out DIR --noise 0.3

Every matrix gets normal noise of `noise` times its own standard deviation, drawn by its name.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from evals.resources import tiny_checkpoint_dir

NOISE = 0.3
WEIGHTS = "model.safetensors"


def damage(out: Path, *, noise: float = NOISE) -> None:
    """Write the damaged copy into `out`, which is made."""
    import torch
    from safetensors.torch import load_file, save_file

    source = tiny_checkpoint_dir()
    shutil.copytree(source, out, dirs_exist_ok=True)
    weights = load_file(source / WEIGHTS)
    for name, weight in weights.items():
        if weight.dim() > 1:
            generator = torch.Generator().manual_seed(sum(name.encode()))
            drawn = torch.randn(weight.shape, generator=generator)
            weight += noise * weight.float().std() * drawn
    save_file(weights, out / WEIGHTS, {"format": "pt"})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--noise", type=float, default=NOISE)
    options = parser.parse_args(arguments)
    damage(options.out, noise=options.noise)


if __name__ == "__main__":
    main()
