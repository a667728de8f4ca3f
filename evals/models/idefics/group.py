"""The processes that share a model, as torch.distributed sees them: one a device, on one machine.

Each numbers itself; number 0 is the one that reads requests. Tensors travel through NCCL between
GPUs, through gloo between processes on a CPU.
"""

from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import TCPStore
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

HOST = "127.0.0.1"
TIMEOUT = timedelta(minutes=10)
"""For one sum over all processes; nobody waits there for work."""


@dataclass(frozen=True, slots=True)
class Group:
    rank: int
    device: torch.device
    mesh: DeviceMesh

    def send(self, tensor: Tensor) -> None:
        """Give a tensor to all others, who `receive` it."""
        dist.broadcast(tensor.contiguous(), src=0)

    def receive(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        tensor = torch.empty(shape, dtype=dtype, device=self.device)
        dist.broadcast(tensor, src=0)
        return tensor


def open_store(count: int) -> TCPStore:
    """Open the place where processes find each other, at a port that is free."""
    return TCPStore(HOST, 0, count, is_master=True, wait_for_workers=False)


def find_store(port: int, count: int) -> TCPStore:
    return TCPStore(HOST, port, count, is_master=False)


def join_group(store: TCPStore, *, rank: int, count: int, kind: str) -> Group:
    """Wait for the other processes, and be one of them.

    Args:
        store: where they find each other.
        rank: this one's number.
        count: how many there are.
        kind: of their devices: "cuda" or "cpu".
    """
    device = torch.device(kind, rank) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if kind == "cuda" else "gloo"
    dist.init_process_group(
        backend,
        store=store,
        rank=rank,
        world_size=count,
        timeout=TIMEOUT,
        device_id=device if kind == "cuda" else None,
    )
    return Group(rank, device, init_device_mesh(kind, (count,)))


def leave_group() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
