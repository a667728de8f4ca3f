"""How large a worker is, and how many there may be."""

import pytest

from evals.errors import ConfigError
from evals.execution.sizes import Node, Size, check_room, choose_size, count_workers

GPU_NODES = (Node(cpus=64, gpus=8), Node(cpus=48, gpus=4))
CPU_NODES = (Node(cpus=16, gpus=0), Node(cpus=8, gpus=0))


@pytest.mark.parametrize(
    ("nodes", "given", "size", "count"),
    [
        (GPU_NODES, {}, Size(8, 1), 12),
        (GPU_NODES, {"gpus_per_worker": 4}, Size(32, 4), 3),
        (GPU_NODES, {"gpus_per_worker": 8}, Size(64, 8), 1),
        (GPU_NODES, {"cpus_per_worker": 20}, Size(20, 1), 5),
        (GPU_NODES, {"on_gpu": False}, Size(48, 0), 2),
        (CPU_NODES, {"on_gpu": False}, Size(8, 0), 3),
        (CPU_NODES, {"on_gpu": False, "num_workers": 6}, Size(4, 0), 6),
        (CPU_NODES, {"on_gpu": False, "num_workers": 1}, Size(8, 0), 3),
        (CPU_NODES, {"on_gpu": False, "num_workers": 100}, Size(1, 0), 24),
        (CPU_NODES, {"on_gpu": False, "cpus_per_worker": 5}, Size(5, 0), 4),
        ((), {}, Size(1, 1), 0),
    ],
)
def test_a_worker_takes_its_share(
    nodes: tuple[Node, ...], given: dict[str, int], size: Size, count: int
) -> None:
    settings = {"on_gpu": True, "num_workers": None, "gpus_per_worker": None}
    chosen = choose_size(nodes, **{**settings, "cpus_per_worker": None, **given})
    assert chosen == size
    assert count_workers(nodes, chosen) == count


def test_where_no_worker_fits_the_message_says_what_there_is() -> None:
    check_room(CPU_NODES, Size(16, 0))
    with pytest.raises(ConfigError, match=r"takes 17 CPUs and 0 GPUs.*16 CPUs, 0 GPUs; 8 CPUs"):
        check_room(CPU_NODES, Size(17, 0))
