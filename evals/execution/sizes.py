"""How large a worker is, and how many there may be: pure functions of what machines have."""

from collections.abc import Sequence
from dataclasses import dataclass

from evals.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of a cluster."""

    cpus: int
    gpus: int


@dataclass(frozen=True, slots=True)
class Size:
    """What one worker takes of its machine."""

    cpus: int
    gpus: int


def choose_size(
    nodes: Sequence[Node],
    *,
    on_gpu: bool,
    num_workers: int | None,
    gpus_per_worker: int | None,
    cpus_per_worker: int | None,
) -> Size:
    """Choose what is not given: a GPU a worker, and an even share of its machine's cores.

    Without GPUs a worker takes a machine, so that large weights are there once; with a given number
    of workers, its share of all cores.
    """
    gpus = (1 if on_gpu else 0) if gpus_per_worker is None else gpus_per_worker
    if cpus_per_worker is not None:
        return Size(cpus_per_worker, gpus)
    if gpus:
        shares = [node.cpus // (node.gpus // gpus) for node in nodes if node.gpus >= gpus]
        return Size(max(1, min(shares, default=1)), gpus)
    whole = min((node.cpus for node in nodes if node.cpus), default=1)
    if num_workers is None:
        return Size(whole, 0)
    share = sum(node.cpus for node in nodes) // num_workers
    return Size(max(1, min(whole, share)), 0)


def count_workers(nodes: Sequence[Node], size: Size) -> int:
    """Return how many workers fit."""
    return sum(_count_on(node, size) for node in nodes)


def _count_on(node: Node, size: Size) -> int:
    by_cpus = node.cpus // size.cpus
    return min(by_cpus, node.gpus // size.gpus) if size.gpus else by_cpus


def check_room(nodes: Sequence[Node], size: Size) -> None:
    """See that there is room for a worker.

    Raises:
        ConfigError: there is none.
    """
    if not count_workers(nodes, size):
        have = "; ".join(f"{node.cpus} CPUs, {node.gpus} GPUs" for node in nodes) or "nothing"
        raise ConfigError(
            f"no worker fits: one takes {size.cpus} CPUs and {size.gpus} GPUs, and there are "
            f"{have}; set execution.cpus_per_worker and execution.gpus_per_worker"
        )
