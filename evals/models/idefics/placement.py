"""Layer-wise: the language layers in a row over several devices, whatever fits on each.

The simple alternative to tensor parallel: one process, no library beside torch, any number of
devices, and one of them at work at a time. What reads and writes, and the vision tower, are on
the first device.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch

from evals.errors import ConfigError
from evals.models.idefics.model import Idefics


@dataclass(frozen=True, slots=True)
class Placement:
    first: torch.device
    layers: tuple[torch.device, ...]
    """Of each language layer, and of the gated layer before it."""
    interval: int
    """`IdeficsConfig.cross_layer_interval`."""

    def find(self, name: str) -> torch.device:
        """Return where a parameter, known by its name, belongs."""
        room, _, rest = name.partition(".")
        index = rest.partition(".")[0]
        if room == "layers":
            return self.layers[int(index)]
        if room == "gated_cross_attn_layers":
            return self.layers[int(index) * self.interval]
        return self.first


def list_devices(kind: str, count: int) -> list[torch.device]:
    """Return the first devices of a kind; there is one CPU, however often it is asked for."""
    return [
        torch.device(kind) if kind == "cpu" else torch.device(kind, index) for index in range(count)
    ]


def place_layers(
    network: Idefics, devices: Sequence[torch.device], *, layer_width: float
) -> Placement:
    """Divide the layers so that the fullest device holds as little as can be.

    Args:
        network: on the meta device.
        devices: one or more.
        layer_width: bytes of a weight of the layers, over those of all other weights: less than
            one where they are quantised.

    Raises:
        ConfigError: there are fewer layers than devices.
    """
    interval = network.config.cross_layer_interval
    if len(devices) > len(network.layers):
        raise ConfigError(
            f"model.num_devices={len(devices)}: there are {len(network.layers)} layers; choose "
            "that many at most"
        )
    sizes = [0.0] * len(network.layers)
    rest = 0.0
    for name, parameter in network.named_parameters():
        room, index = name.split(".")[:2]
        if room == "layers":
            sizes[int(index)] += layer_width * parameter.numel()
        elif room == "gated_cross_attn_layers":
            sizes[int(index) * interval] += layer_width * parameter.numel()
        else:
            rest += parameter.numel()
    counts = divide_evenly(sizes, len(devices), first=rest)
    layers = [device for device, each in zip(devices, counts, strict=True) for _ in range(each)]
    return Placement(devices[0], tuple(layers), interval)


def divide_evenly(sizes: Sequence[float], count: int, *, first: float) -> tuple[int, ...]:
    """Return how many of the sizes, in order, go to each of `count` places.

    The fullest place holds as little as can be, and the others are as even as that allows; the
    first has `first` beside its share.
    """
    sums = list(accumulate(sizes, initial=0.0))

    def weigh(place: int, start: int, end: int) -> float:
        return sums[end] - sums[start] + (0 if place else first)

    fullest, _ = _divide(len(sizes), count, weigh, max)

    def square(place: int, start: int, end: int) -> float:
        load = weigh(place, start, end)
        return load**2 if load <= fullest else math.inf

    _, bounds = _divide(len(sizes), count, square, operator.add)
    return tuple(end - start for start, end in pairwise((0, *bounds, len(sizes))))


def _divide(
    total: int,
    count: int,
    cost: Callable[[int, int, int], float],
    join: Callable[[float, float], float],
) -> tuple[float, tuple[int, ...]]:
    """Return the least cost of all places together, and where one ends and the next begins."""
    best: list[tuple[float, tuple[int, ...]]] = [(cost(0, 0, end), ()) for end in range(total + 1)]
    for place in range(1, count):
        best = [
            min(
                (join(best[start][0], cost(place, start, end)), (*best[start][1], start))
                for start in range(end + 1)
            )
            for end in range(total + 1)
        ]
    return best[total]
