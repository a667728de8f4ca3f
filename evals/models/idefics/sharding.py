"""Tensor parallel: how several processes share every matrix of the network.

The plan is Megatron's (Shoeybi et al. 2019), written with torch's own styles and applied by
`parallelize_module`: what opens a block (queries, keys, values; gate and up) is split by rows
(`ColwiseParallel`: of the transposed matrix), what closes it by columns (`RowwiseParallel`), and
between the two a process computes its own heads and channels. So there is one sum over all
processes a block: in the language layers, the gated layers, the vision tower and the resampler.
Norms, gates and biases of closing matrices are held by each, and so are embedding and head: a
fiftieth of 80B's weights, which would have to be gathered anew for each token.

The plan is applied on the meta device, where DTensor says what each process holds and `weights.py`
reads no more than that. What then computes are plain matrices and one `all_reduce` a block, not
DTensors: of them, torch 2.13 takes 95 microseconds of the CPU more for each product, measured
here, and a token of 80B is 400 products.

Stacked matrices (`linear.py`) are shared part by part: a process has its heads of the queries, of
the keys and of the values.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from torch.distributed.tensor.parallel.style import ParallelStyle

from evals.errors import ConfigError, list_problems
from evals.models.idefics.config import IdeficsConfig
from evals.models.idefics.linear import Linear, Share
from evals.models.idefics.model import Idefics

CLOSING = {"o_proj", "out_proj", "output_proj", "down_proj", "fc2", "c_proj"}
"""The matrices that end a block; each other one begins one."""


def check_shares(config: IdeficsConfig, count: int) -> None:
    """See that so many processes can share the network.

    Raises:
        ConfigError: heads or channels cannot be divided evenly; all are listed.
    """
    vision = config.vision
    wholes = {
        "attention heads (num_attention_heads)": config.num_heads,
        "channels (intermediate_size)": config.intermediate_size,
        "heads of the vision tower (vision_config.num_attention_heads)": vision.num_heads,
        "channels of the vision tower (vision_config.intermediate_size)": vision.intermediate_size,
    }
    if config.resampler is not None:
        name = "heads of the resampler (perceiver_config.resampler_n_heads)"
        wholes[name] = config.resampler.num_heads
    if any(whole % count for whole in wholes.values()):
        fitting = [
            str(number)
            for number in range(1, min(wholes.values()) + 1)
            if not any(whole % number for whole in wholes.values())
        ]
        problems = [f"{whole} {name}" for name, whole in wholes.items() if whole % count]
        raise ConfigError(
            f"model.num_devices={count}: tensor parallel divides evenly, and these it cannot:\n"
            f"{list_problems(problems)}\n"
            f"choose one of {', '.join(fitting)}, or model.parallel=layers"
        )


def share_network(network: Idefics, mesh: DeviceMesh) -> None:
    """Leave of every matrix what this process of the mesh holds.

    Args:
        network: on the meta device.
        mesh: of one dimension.
    """
    parallelize_module(network, mesh, dict(make_plan(network)), src_data_rank=None)
    network.num_shares = mesh.size()
    for name, module in list(network.named_modules()):
        if isinstance(module, Linear):
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, _keep_share(module, mesh))


def make_plan(network: nn.Module) -> Mapping[str, ParallelStyle]:
    """Return each matrix's style, by its name."""
    return {
        name: RowwiseParallel() if name.rpartition(".")[2] in CLOSING else ColwiseParallel()
        for name, module in network.named_modules()
        if isinstance(module, Linear)
    }


def _keep_share(matrix: Linear, mesh: DeviceMesh) -> Linear:
    """Return the share that DTensor left to this process, as a matrix of its own."""
    weight = matrix.weight
    assert isinstance(weight, DTensor)
    (placement,) = weight.placements
    assert isinstance(placement, Shard)
    count = mesh.size()
    share = Share(placement.dim, mesh.get_local_rank(), count, mesh.get_group())
    parts = [part.stop - part.start for part in matrix.rows.values()] or [weight.shape[0]]
    if share.dim == 0:
        assert not any(part % count for part in parts)
        parts = [part // count for part in parts]
    width_in = weight.to_local().shape[1]
    with torch.device("meta"):
        kept = Linear(width_in, *parts, names=tuple(matrix.rows), bias=matrix.bias is not None)
    assert kept.weight.shape == weight.to_local().shape
    kept.share = share
    return kept
