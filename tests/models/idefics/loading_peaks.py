"""How much memory loading takes at its peak, as a process of its own sees it.

    python -m tests.models.idefics.loading_peaks FOLDER    # prints a JSON object of bytes

The kinds of loading go from the smallest to the largest, since a process's peak only rises.
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.testing._internal.distributed.fake_pg import FakeStore

from evals.models.division import Quantised
from evals.models.idefics.config import read_config
from evals.models.idefics.weights import load_weights

CPU = torch.device("cpu")


def read_status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(key)


def measure(
    folder: Path, *, mesh: DeviceMesh | None = None, quantised: Quantised | None = None
) -> int:
    """Return by how much loading raises the peak over what there was."""
    before = read_status("VmRSS")
    network = load_weights(
        folder,
        read_config(folder),
        device=CPU,
        dtype=torch.float32,
        mesh=mesh,
        quantised=quantised,
    )
    assert network.layer_devices
    return read_status("VmHWM") - before


def main() -> None:
    folder = Path(sys.argv[1])
    import torchao.quantization  # noqa: F401 (not to be counted)

    # Stands in for a group of two: it sums nothing.
    dist.init_process_group("fake", store=FakeStore(), rank=1, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    peaks = {
        "int8": measure(folder, quantised="int8"),
        "half": measure(folder, mesh=mesh),
        "whole": measure(folder),
    }
    sys.stdout.write(json.dumps(peaks))


if __name__ == "__main__":
    main()
