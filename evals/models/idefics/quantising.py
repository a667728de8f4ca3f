"""Weight-only quantisation by torchao, for models larger than the memory: slower, but it fits.

The matrices of the language layers and of the gated layers are quantised, nine tenths and more of
all weights: int8 by row, symmetric; int4 in groups of 32 along a row, asymmetric. Embedding, head,
norms and gates stay as they are, for they would cost more in quality than they save; so do vision
tower and resampler, whose latents are kept on disk for runs of every kind.

torchao's int8 product casts the whole matrix on each call unless it is compiled: it saves memory,
and no time. Its int4 product is a kernel, on a GPU (compute capability 8.0, bfloat16) as on a CPU.
Of a matrix that several processes share, each quantises its share with the scales of the whole.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from evals.errors import ConfigError, list_problems
from evals.models.division import Quantised
from evals.models.idefics.linear import Linear

GROUP = 32
"""Weights that share a scale and a zero point in int4: the finest that the kernels know."""
BITS = {"int8": 8.0, "int4": 4 + 32 / GROUP}
"""Of a weight, with what its group says; a row's scale is nothing beside it."""
_TALKERS = ("torchao", "torch.utils._pytree")
"""They tell, whoever imports torchao, what it lacks for other devices."""


def is_quantised_matrix(name: str) -> bool:
    """Whether a matrix, known by its name, is one of those."""
    return name.startswith(("layers.", "gated_cross_attn_layers."))


def check_quantised(
    network: nn.Module, kind: Quantised, *, device: torch.device, dtype: torch.dtype
) -> None:
    """See that it can be had, before any weight is read.

    Raises:
        ConfigError: torchao is not installed, or cannot do that here.
    """
    try:
        _import("quantization")
        if kind == "int4" and device.type == "cpu":
            _import("prototype.quantization.int4")
    except ImportError as error:
        raise ConfigError(
            f"model.quantise={kind}: {error}; `pip install 'idefics-evals[quantise]'` has it, or "
            "choose null"
        ) from error
    if kind == "int8":
        if dtype == torch.float16:
            raise ConfigError(
                "model.quantise=int8 scales its sums afterwards, and before they are too large for "
                "float16; choose model.dtype=bfloat16"
            )
        return
    if device.type == "cuda" and (
        dtype != torch.bfloat16 or torch.cuda.get_device_capability(device) < (8, 0)
    ):
        raise ConfigError(
            "model.quantise=int4 wants model.dtype=bfloat16 and a GPU of compute capability 8.0 "
            "(Ampere) or newer; choose int8"
        )
    odd = [
        f"{name}: rows of {module.in_features}"
        for name, module in network.named_modules()
        if isinstance(module, Linear) and is_quantised_matrix(name) and module.in_features % GROUP
    ]
    if odd:
        raise ConfigError(
            f"model.quantise=int4 takes rows of a multiple of {GROUP} weights, and these are not; "
            f"choose int8:\n{list_problems(odd)}"
        )


def quantise(matrix: Linear, kind: Quantised) -> None:
    """Replace a matrix's weight; the original is let go of."""
    if kind == "int8":
        matrix.weight = nn.Parameter(_to_int8(matrix), requires_grad=False)
    else:
        _make_int4(matrix)


def _to_int8(matrix: Linear) -> Tensor:
    """Quantise by row; a row that several processes share has one scale, found by its extremes."""
    torchao = _import("quantization")
    weight, share, by_row = matrix.weight.data, matrix.share, torchao.PerRow()
    scale = None
    if share is not None and share.dim == 1:
        extremes = torch.stack((-weight.amin(dim=1), weight.amax(dim=1)), dim=1)
        share.find_largest(extremes)
        extremes[:, 0].neg_()
        scale = torchao.Int8Tensor.from_hp(extremes, granularity=by_row).scale
    quantised: Tensor = torchao.Int8Tensor.from_hp(weight, granularity=by_row, scale=scale)
    return quantised


def _make_int4(matrix: Linear) -> None:
    torchao = _import("quantization")
    if matrix.weight.device.type == "cuda":
        config = torchao.Int4WeightOnlyConfig(
            group_size=GROUP, int4_packing_format="tile_packed_to_4d", set_inductor_config=False
        )
    else:
        config = _import("prototype.quantization.int4").PrototypeInt4WeightOnlyConfig(
            group_size=GROUP, set_inductor_config=False
        )
    torchao.quantize_(matrix, config)


def _import(name: str) -> Any:
    with _silence():
        return import_module(f"torchao.{name}")


@contextmanager
def _silence() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
