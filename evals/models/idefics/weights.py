"""From a checkpoint folder's safetensors, single or sharded, to a model on its device.

The modules are built without memory (meta device) and each tensor is read straight into its final
type and place. A missing, unknown or misshapen weight is an error that lists all of them:
a model with a random matrix still answers, just not well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from evals.errors import CheckpointError, list_problems
from evals.models.checkpoints import weight_files
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.model import Idefics

KNOWN_BUFFERS = (".rotary_emb.inv_freq", ".embeddings.position_ids")
"""What the hub's files hold besides weights: computed, never learnt."""


@dataclass(frozen=True, slots=True)
class _Stored:
    file: Path
    shape: tuple[int, ...]


def load_weights(
    folder: Path, config: IdeficsConfig, *, device: torch.device, dtype: torch.dtype
) -> Idefics:
    """Build the model and fill it.

    Raises:
        CheckpointError: files are missing or damaged, or weights do not fit; all are listed.
    """
    with torch.device("meta"):
        model = Idefics(config)
    stored = _list_tensors(folder)
    wanted = {_stored_name(name): name for name, _ in model.named_parameters()}
    if config.tied_head:
        # transformers leaves a tied head out of the file.
        wanted = {theirs: ours for theirs, ours in wanted.items() if not ours.startswith("lm_head")}
    shapes = {theirs: tuple(model.get_parameter(ours).shape) for theirs, ours in wanted.items()}
    if problems := _compare(shapes, stored, tied_head=config.tied_head):
        raise CheckpointError(
            f"the weights in {folder} do not fit its config.json:\n{list_problems(problems)}"
        )
    for file in sorted({tensor.file for tensor in stored.values()}):
        with _open(file) as tensors:
            for theirs in sorted(wanted.keys() & set(tensors.keys())):
                weight = tensors.get_tensor(theirs).to(device=device, dtype=dtype)
                _set_parameter(model, wanted[theirs], weight)
    if config.tied_head:
        _tie_head(model)
    return model.eval()


def _stored_name(name: str) -> str:
    return name if name.startswith("lm_head.") else f"model.{name}"


def _list_tensors(folder: Path) -> dict[str, _Stored]:
    stored = {}
    for file in weight_files(folder):
        with _open(file) as tensors:
            for name in tensors.keys():  # noqa: SIM118 (an open file is no mapping)
                stored[name] = _Stored(file, tuple(tensors.get_slice(name).get_shape()))
    return stored


def _compare(
    shapes: Mapping[str, tuple[int, ...]], stored: Mapping[str, _Stored], *, tied_head: bool
) -> list[str]:
    """Return what is missing, misshapen and unknown, one line each."""
    missing = [f"{name} is missing" for name in shapes if name not in stored]
    misshapen = [
        f"{name} has shape {list(stored[name].shape)} in {stored[name].file.name}, "
        f"and config.json makes it {list(shape)}"
        for name, shape in shapes.items()
        if name in stored and stored[name].shape != shape
    ]
    unknown = [
        f"{name} in {tensor.file.name} is no weight of this model"
        for name, tensor in stored.items()
        if name not in shapes
        and not name.endswith(KNOWN_BUFFERS)
        and not (tied_head and name.startswith("lm_head."))
    ]
    return missing + misshapen + unknown


def _set_parameter(model: nn.Module, name: str, weight: torch.Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(owner), leaf, nn.Parameter(weight, requires_grad=False))


def _tie_head(model: Idefics) -> None:
    model.lm_head.weight = model.embed_tokens.weight
    if model.lm_head.additional_fc and model.embed_tokens.additional_embedding:
        model.lm_head.additional_fc.weight = model.embed_tokens.additional_embedding.weight


class _Slice(Protocol):
    def get_shape(self) -> list[int]: ...


class _Tensors(Protocol):
    """An open safetensors file; the library's own class has no types."""

    def keys(self) -> list[str]: ...

    def get_slice(self, name: str) -> _Slice: ...

    def get_tensor(self, name: str) -> torch.Tensor: ...


@contextmanager
def _open(file: Path) -> Iterator[_Tensors]:
    try:
        with safe_open(file, framework="pt", device="cpu") as tensors:
            yield cast(_Tensors, tensors)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{file} cannot be read as safetensors ({error}); download it again"
        ) from error
