"""Steps through layers that lie on three devices, which need not exist.

    python -m tests.models.idefics.travelling

Fake tensors have a device and no values, and refuse a product across devices. They are given one
of the kind that torch keeps for others (`PrivateUse1`), of which a process may have as many as it
likes; it is its own process, since that cannot be taken back.
"""

import sys

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import backend_registration

from evals.models.idefics.attention import Context, ReadNext, ReadRuns, Run
from evals.models.idefics.cache import CacheMemory
from evals.models.idefics.config import IdeficsConfig, read_config
from evals.models.idefics.decoder import Seen
from evals.models.idefics.groups import Groups, group_by
from evals.models.idefics.model import Idefics
from evals.models.idefics.placement import Placement
from evals.resources import tiny_checkpoint_dir

DEVICES = [torch.device("privateuseone", index) for index in range(3)]
FIRST = DEVICES[0]
CPU = torch.device("cpu")
ROWS, LENGTH = 2, 4


def fill(config: IdeficsConfig, placement: Placement) -> Idefics:
    with torch.device("meta"):
        network = Idefics(config)
    for name, parameter in list(network.named_parameters()):
        owner, _, leaf = name.rpartition(".")
        empty = torch.empty(parameter.shape, device=placement.find(name))
        setattr(network.get_submodule(owner), leaf, nn.Parameter(empty, requires_grad=False))
    network.layer_devices = placement.layers
    return network


def upload(mode: FakeTensorMode, groups: Groups) -> Groups:
    """Groups are made on the CPU, with values."""
    tensors = (groups.members, groups.places, groups.tokens)
    fakes = (None if each is None else mode.from_tensor(each) for each in tensors)
    return Groups(groups.shape, *fakes).to(FIRST)


def step(network: Idefics, images: Groups, prompts: Groups) -> None:
    """Read two rows that continue two others, then a token each; look at pictures."""
    latents = network.encode_images(torch.empty(2, 3, 64, 64))
    assert latents.device == FIRST
    seen = Seen(images, network.project_images(latents))
    kept = CacheMemory(network.cache_shape)
    before = CacheMemory(network.cache_shape).divide(ROWS, 5)
    contexts = [Context(prompts, before, torch.zeros(ROWS, 1, 1, 5).to(FIRST))]
    lots = kept.divide(ROWS, LENGTH)

    def keep(layer: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        lots[layer].keys.flatten(0, 1).copy_(keys)
        lots[layer].values.flatten(0, 1).copy_(values)

    places = torch.arange(ROWS * LENGTH).to(FIRST)
    runs = [Run(0, ROWS, LENGTH)]
    hidden = network(places, places, ReadRuns(runs, contexts, keep), seen)
    assert hidden.device == FIRST
    last = torch.tensor([3, 7]).to(FIRST)
    hidden = network(places, places, ReadRuns(runs, keep=keep), seen, read=last)
    assert network.logits(hidden).device == FIRST
    room = kept.divide(ROWS * LENGTH, 9)
    mask = torch.zeros(ROWS * LENGTH, 1, 1, 9).to(FIRST)
    hidden = network(places, places, ReadNext(room, places, mask, tuple(contexts)), seen)
    assert hidden.device == FIRST


def main() -> None:
    register = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
    if register is None:
        sys.stdout.write("this torch has no devices to make up")
        return
    register()
    config = read_config(tiny_checkpoint_dir())
    layers = (FIRST, DEVICES[1], DEVICES[1], DEVICES[2], DEVICES[2], DEVICES[2])
    placement = Placement(FIRST, layers, config.cross_layer_interval)
    images = group_by([0, 0, 1, -1, 1, 1, 0, 0], num_groups=2, device=CPU)
    prompts = group_by([0] * LENGTH + [1] * LENGTH, num_groups=ROWS, device=CPU)
    mode = FakeTensorMode()
    with mode, torch.no_grad():
        groups = upload(mode, images), upload(mode, prompts)
        network = fill(config, placement)
        step(network, *groups)
        network.layer_devices = (FIRST,) * config.num_layers
        try:
            step(network, *groups)
        except RuntimeError as error:
            assert "same device" in str(error)  # noqa: PT017 (no test by itself)
            sys.stdout.write("nothing was left behind")


if __name__ == "__main__":
    main()
