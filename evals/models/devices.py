"""`model.device` and `model.dtype`: which there are, and what `auto` comes to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.errors import ConfigError

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def check_settings(device: str, dtype: str, batch_size: int | None) -> None:
    """See that a model's settings are some that exist.

    Raises:
        ConfigError: a device, type or batch size that does not.
    """
    if not _DEVICE.fullmatch(device):
        raise ConfigError(f"model.device={device}: choose auto, cpu, cuda or cuda:N")
    if dtype not in DTYPES:
        raise ConfigError(f"model.dtype={dtype}: choose one of {', '.join(DTYPES)}")
    if batch_size is not None and batch_size < 1:
        raise ConfigError(f"model.batch_size={batch_size}: choose 1 or more")


def resolve_device(device: str) -> str:
    """Return the device that a setting comes to on this machine.

    Raises:
        ConfigError: there is no such GPU.
    """
    if device == "cpu":
        return device
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not torch.cuda.is_available():
        raise ConfigError(f"model.device={device}: this torch sees no GPU; choose cpu or auto")
    count = torch.cuda.device_count()
    if torch.device(device).index is not None and torch.device(device).index >= count:
        raise ConfigError(f"model.device={device}: there are {count} GPUs, counted from 0")
    return device


def resolve_dtype(dtype: str, device: str) -> str:
    """Return the type that a setting comes to on a device."""
    if dtype != "auto":
        return dtype
    return "float32" if device == "cpu" else "bfloat16"


def torch_device(name: str) -> torch.device:
    import torch

    return torch.device(name)


def torch_dtype(name: str) -> torch.dtype:
    import torch

    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype
