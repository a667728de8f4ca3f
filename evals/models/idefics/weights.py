"""From a checkpoint folder's safetensors, single or sharded, to a model on its device.

The modules are built without memory (meta device) and each tensor is read straight into its final
type and place, so no weight is in memory twice. A missing, unknown or misshapen weight is an error
that lists all of them: a model with a random matrix still answers, just not well.
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
from evals.models.idefics.linear import Linear
from evals.models.idefics.model import Idefics

KNOWN_BUFFERS = (".rotary_emb.inv_freq", ".embeddings.position_ids")
"""What the hub's files hold besides weights: computed, never learnt."""


@dataclass(frozen=True, slots=True)
class _Stored:
    file: Path
    shape: tuple[int, ...]


def load_weights(
    folder: Path,
    config: IdeficsConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    kind: type[Idefics] = Idefics,
) -> Idefics:
    """Build the model (of a `kind` of its own, if that is given) and fill it.

    Raises:
        CheckpointError: files are missing or damaged, or weights do not fit; all are listed.
    """
    with torch.device("meta"):
        model = kind(config)
    stored = _list_tensors(folder)
    places = list_places(model)
    if config.tied_head:
        # transformers leaves a tied head out of the file.
        places = {name: place for name, place in places.items() if not name.startswith("lm_head")}
    if problems := _compare(places, stored, tied_head=config.tied_head):
        raise CheckpointError(
            f"the weights in {folder} do not fit its config.json:\n{list_problems(problems)}"
        )
    for name, place in places.items():
        # Opened for each anew: an open file's pages stay in memory beside the copies of them.
        with _open(stored[name].file) as tensors:
            _set_weight(model, place, tensors.get_tensor(name), device=device, dtype=dtype)
    if config.tied_head:
        _tie_head(model)
    model.pack()
    return model.eval()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stored tensor belongs."""

    parameter: str
    shape: tuple[int, ...]
    rows: slice | None = None
    """Of the parameter, where several tensors are stacked in one."""


def list_places(model: Idefics) -> dict[str, Place]:
    """Return for each tensor that a checkpoint of this model has where it belongs."""
    places = {}
    for path, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            name = f"{path}.{leaf}"
            if not (isinstance(module, Linear) and module.rows):
                places[_stored_name(name)] = Place(name, tuple(parameter.shape))
                continue
            parent = path.rpartition(".")[0]
            for part, rows in module.rows.items():
                shape = (rows.stop - rows.start, *parameter.shape[1:])
                places[_stored_name(f"{parent}.{part}.{leaf}")] = Place(name, shape, rows)
    return places


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
    places: Mapping[str, Place], stored: Mapping[str, _Stored], *, tied_head: bool
) -> list[str]:
    """Return what is missing, misshapen and unknown, one line each."""
    missing = [f"{name} is missing" for name in places if name not in stored]
    misshapen = [
        f"{name} has shape {list(stored[name].shape)} in {stored[name].file.name}, "
        f"and config.json makes it {list(place.shape)}"
        for name, place in places.items()
        if name in stored and stored[name].shape != place.shape
    ]
    unknown = [
        f"{name} in {tensor.file.name} is no weight of this model"
        for name, tensor in stored.items()
        if name not in places
        and not name.endswith(KNOWN_BUFFERS)
        and not (tied_head and name.startswith("lm_head."))
    ]
    return missing + misshapen + unknown


def _set_weight(
    model: nn.Module,
    place: Place,
    weight: torch.Tensor,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Copy a tensor to where it belongs."""
    path, _, leaf = place.parameter.rpartition(".")
    owner, parameter = model.get_submodule(path), model.get_parameter(place.parameter)
    if parameter.is_meta:
        empty = torch.empty(parameter.shape, device=device, dtype=dtype)
        parameter = nn.Parameter(empty, requires_grad=False)
        setattr(owner, leaf, parameter)
    parameter.data[place.rows or ...] = weight


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
