"""The same checkpoint through transformers, where memory allows."""

from dataclasses import replace
from pathlib import Path

from evals.memory import count_free_host_bytes
from evals.models.checkpoint_files import weight_files
from evals.models.checkpoints import unchanged
from evals.models.specs import IdeficsSpec, TinySpec, TransformersSpec
from evals.types import Model, ModelInfo, ModelSpec

ROOM = 1.3
"""Of the weights' bytes: what loading and a few prompts take beside them."""


def load_oracle(spec: ModelSpec, info: ModelInfo) -> Model | str:
    """Load it, or say why not."""
    if isinstance(spec, TinySpec):
        spec = spec.as_idefics
    if not isinstance(spec, IdeficsSpec):
        return "only the built-in model is held against transformers"
    if spec.quantise or spec.parallel:
        return "transformers holds the checkpoint whole and as it is stored"
    folder = spec.found.folder
    wanted = ROOM * _count_bytes(folder, info.dtype)
    free = _free_bytes(info.device)
    if wanted > free:
        return f"it wants {wanted / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free"
    from transformers.utils import logging

    logging.disable_progress_bar()  # the checks have a bar of their own
    with unchanged(spec.found):
        loaded = TransformersSpec(str(folder), spec.device, spec.dtype).load()
    return replace(loaded, info=info)


def _count_bytes(folder: Path, dtype: str) -> int:
    """Return what the weights take; checkpoints are stored in half precision or in float32."""
    stored = sum(path.stat().st_size for path in weight_files(folder))
    return 2 * stored if dtype == "float32" else stored


def _free_bytes(device: str) -> int:
    """Return what is free on the device."""
    if device.startswith("cuda"):
        import torch

        free, _ = torch.cuda.mem_get_info(torch.device(device))
        return free
    return count_free_host_bytes()
