"""From a checkpoint folder's safetensors, single or sharded, to a model on its device, or several.

The modules are built without memory (meta device) and each tensor is read straight into its final
type and place, so no weight is in memory twice: a matrix is filled, and quantised or laid out for
its machine, before the next is read. Of a matrix that processes share, each reads its share. A
missing, unknown or misshapen weight is an error that lists all of them: a model with a random
matrix still answers, just not well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from evals.errors import CheckpointError, list_problems
from evals.memory import is_out_of_memory
from evals.models.checkpoint_files import weight_files
from evals.models.division import Quantised
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.finite import FiniteCheck
from evals.models.idefics.linear import Linear, Share
from evals.models.idefics.model import Idefics
from evals.models.idefics.placement import Placement, place_layers
from evals.models.idefics.quantising import (
    BITS,
    check_quantised,
    is_quantised_matrix,
    quantise,
)

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

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
    others: Sequence[torch.device] = (),
    mesh: "DeviceMesh | None" = None,
    quantised: Quantised | None = None,
    wait: Callable[[], None] = lambda: None,
) -> Idefics:
    """Build the model and fill it.

    Args:
        folder: the checkpoint's.
        config: its config.json.
        device: where the model goes, or its first layers.
        dtype: of the weights.
        kind: of the model: one of the caller's own, if need be.
        others: devices for the layers that come later.
        mesh: the processes that share its matrices with this one.
        quantised: what the layers' matrices become.
        wait: called after each such matrix, whose scales processes find together.

    Raises:
        CheckpointError: files are missing or damaged, or weights do not fit; all are listed.
        ConfigError: the model cannot be divided or quantised so.
    """
    with torch.device("meta"):
        model = kind(config)
    if mesh is not None:
        from evals.models.idefics.sharding import share_network  # DTensor takes a second

        share_network(model, mesh)
    if quantised is not None:
        check_quantised(model, quantised, device=device, dtype=dtype)
    layer_width = BITS[quantised] / 8 / dtype.itemsize if quantised else 1.0
    placement = place_layers(model, [device, *others], layer_width=layer_width)
    stored = _list_tensors(folder)
    places = list_places(model)
    if config.tied_head:
        # transformers leaves a tied head out of the file.
        places = {name: place for name, place in places.items() if not name.startswith("lm_head")}
    if problems := _compare(places, stored, tied_head=config.tied_head):
        raise CheckpointError(
            f"the weights in {folder} do not fit its config.json:\n{list_problems(problems)}"
        )
    finite = FiniteCheck()
    for owner, part in groupby(places.items(), key=lambda item: item[1].owner):
        for name, place in part:
            weight = _read_weight(model, place, name, stored[name].file, placement, dtype=dtype)
            finite.see(name, weight)
        module = model.get_submodule(owner)
        if isinstance(module, Linear):
            if quantised and is_quantised_matrix(owner):
                quantise(module, quantised)
                wait()
            else:
                module.pack()
    finite.raise_if_any(folder)
    if config.tied_head:
        _tie_head(model)
    model.lm_head.pack()
    norms = (layer.get_parameter("input_layernorm.weight") for layer in model.layers)
    model.layer_devices = tuple(norm.device for norm in norms)
    return model.eval()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stored tensor belongs."""

    parameter: str
    shape: tuple[int, ...]
    rows: slice | None = None
    """Of the parameter, where several tensors are stacked in one."""
    share: Share | None = None
    """What of the tensor is wanted here; `None`: all."""

    @property
    def owner(self) -> str:
        """The module that has the parameter."""
        return self.parameter.rpartition(".")[0]

    def read(self, name: str, tensors: "_Tensors") -> Tensor:
        """Return what is wanted here of a tensor, known by its name."""
        if self.share is None:
            return tensors.get_tensor(name)
        dim = self.share.dim
        cut = self.share.cut(self.shape[dim])
        return tensors.get_slice(name)[(*(slice(None) for _ in range(dim)), cut)]


def list_places(model: Idefics) -> dict[str, Place]:
    """Return for each tensor that a checkpoint of this model has where it belongs."""
    places = {}
    for path, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            name = f"{path}.{leaf}"
            share = module.share if isinstance(module, Linear) else None
            if share is not None and share.dim >= parameter.dim():
                share = None  # the bias of a matrix that is split by columns
            if not (isinstance(module, Linear) and module.rows):
                shape = _make_whole(tuple(parameter.shape), share)
                places[_stored_name(name)] = Place(name, shape, share=share)
                continue
            parent = path.rpartition(".")[0]
            for part, rows in module.rows.items():
                shape = _make_whole((rows.stop - rows.start, *parameter.shape[1:]), share)
                places[_stored_name(f"{parent}.{part}.{leaf}")] = Place(name, shape, rows, share)
    return places


def _make_whole(shape: tuple[int, ...], share: Share | None) -> tuple[int, ...]:
    if share is None:
        return shape
    return tuple(size * share.count if dim == share.dim else size for dim, size in enumerate(shape))


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


def _read_weight(
    model: nn.Module,
    place: Place,
    name: str,
    file: Path,
    placement: Placement,
    *,
    dtype: torch.dtype,
) -> Tensor:
    """Copy a tensor, or this process's share of it, from its file to where it belongs."""
    leaf = place.parameter.rpartition(".")[2]
    owner, parameter = model.get_submodule(place.owner), model.get_parameter(place.parameter)
    if parameter.is_meta:
        device = placement.find(place.parameter)
        empty = torch.empty(parameter.shape, device=device, dtype=dtype)
        parameter = nn.Parameter(empty, requires_grad=False)
        setattr(owner, leaf, parameter)
    # Opened for each anew: an open file's pages stay in memory beside the copies of them.
    with _open(file, parameter.device) as tensors:
        parameter.data[place.rows or ...] = place.read(name, tensors)
    return parameter.data[place.rows or ...]


def _tie_head(model: Idefics) -> None:
    model.lm_head.weight = model.embed_tokens.weight
    if model.lm_head.additional_fc and model.embed_tokens.additional_embedding:
        model.lm_head.additional_fc.weight = model.embed_tokens.additional_embedding.weight


class _Slice(Protocol):
    def get_shape(self) -> list[int]: ...

    def __getitem__(self, cut: tuple[slice, ...]) -> Tensor: ...


class _Tensors(Protocol):
    """An open safetensors file; the library's own class has no types."""

    def keys(self) -> list[str]: ...

    def get_slice(self, name: str) -> _Slice: ...

    def get_tensor(self, name: str) -> Tensor: ...


@contextmanager
def _open(file: Path, device: torch.device | None = None) -> Iterator[_Tensors]:
    """Open a file, whose tensors are then read to a device; the CPU by default."""
    try:
        with safe_open(file, framework="pt", device=str(device or "cpu")) as tensors:
            yield cast(_Tensors, tensors)
    except (OSError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise CheckpointError(
            f"{file} cannot be read as safetensors ({error!s:.300}); download it again"
        ) from error
