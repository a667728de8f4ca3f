"""What is made before anything is measured: the random checkpoint, the pictures, the settings."""

import os
from pathlib import Path
from typing import Any

import torch

from evals.bench.checkpoint import write_checkpoint
from evals.bench.configs import BenchConfig
from evals.bench.pictures import draw_pictures
from evals.bench.sides import SideSettings
from evals.bench.workload import plan_workload
from evals.errors import ConfigError


def prepare(
    config: BenchConfig,
    folder: Path,
    *,
    num_queries: int,
    device: str,
    dtype: str,
    threads: int | None,
) -> SideSettings:
    """Write checkpoint and pictures below `folder`.

    Raises:
        ConfigError: the device is not there, or too small for the shapes.
    """
    assert torch.get_float32_matmul_precision() == "highest"
    found = _resolve_device(device, config)
    settings = SideSettings(
        checkpoint=folder / "checkpoint",
        device=str(found),
        dtype=_resolve_dtype(dtype, found),
        threads=threads,
        workload=plan_workload(config, picture_dir=folder / "pictures", num_queries=num_queries),
    )
    write_checkpoint(settings.checkpoint, config.shapes, device=found, dtype=settings.torch_dtype)
    draw_pictures(settings.workload.picture_dir, settings.workload.picture_names())
    return settings


def describe_setting(settings: SideSettings) -> dict[str, Any]:
    """Return what the numbers depend on."""
    import transformers

    device = settings.torch_device
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "dtype": settings.dtype,
        "cores": cores,
        "threads": settings.threads or torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _resolve_device(device: str, config: BenchConfig) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if device == "auto":
        if config.needs_gpu and not has_gpu:
            raise ConfigError(
                f"--config {config.name} has shapes for a GPU, and this torch sees none; take "
                "--config bench, or insist with --device cpu"
            )
        return torch.device("cuda" if has_gpu and config.needs_gpu else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"--device {device}: choose auto, cpu, cuda or cuda:N") from error
    if found.type == "cuda" and not has_gpu:
        raise ConfigError(f"--device {device}: this torch sees no GPU; choose cpu")
    return found


def _resolve_dtype(dtype: str, device: torch.device) -> str:
    if dtype != "auto":
        return dtype
    return "float32" if device.type == "cpu" else "bfloat16"
