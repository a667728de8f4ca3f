"""The processes that share a model, as torch.distributed sees them: one a device, on one machine.

Each numbers itself; number 0 is the one that reads requests. Tensors travel through NCCL between
GPUs, through gloo between processes on a CPU.
"""

import socket
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
    """Open the place where processes find each other, at a port of this machine that is free."""
    listening = socket.create_server((HOST, 0))  # the store's own would hear other machines, too
    port = listening.getsockname()[1]
    return TCPStore(
        HOST,
        port,
        count,
        is_master=True,
        wait_for_workers=False,
        master_listen_fd=listening.detach(),
        use_libuv=False,  # which takes no socket before torch 2.8
    )


def find_store(port: int, count: int) -> TCPStore:
    return TCPStore(HOST, port, count, is_master=False)


def take_device(kind: str, rank: int) -> torch.device:
    """Make a process's device its own: "cuda" by its number, "cpu" for all the same."""
    if kind != "cuda":
        return torch.device(kind)
    device = torch.device(kind, rank)
    torch.cuda.set_device(device)
    return device


def join_group(store: TCPStore, device: torch.device, *, rank: int, count: int) -> Group:
    """Wait for the other processes, and be one of them.

    Args:
        store: where they find each other.
        device: this one's.
        rank: this one's number.
        count: how many there are.
    """
    on_gpu = device.type == "cuda"
    dist.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=store,
        rank=rank,
        world_size=count,
        timeout=TIMEOUT,
        device_id=device if on_gpu else None,
    )
    return Group(rank, device, init_device_mesh(device.type, (count,)))


def leave_group() -> None:
    """Leave the group whose other processes have ended.

    NCCL's is given up: to end it in order is to wait for all of its sums, which wait for processes
    that are gone.
    """
    if not dist.is_initialized():
        return
    if dist.get_backend() == "nccl":
        dist.distributed_c10d._abort_process_group()
    else:
        dist.destroy_process_group()
