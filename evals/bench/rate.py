"""How fast this machine multiplies matrices now: the best over the model's own layer shapes.

The best of torch's products, too: that of `F.linear`, and that of packed weights (`linear.py`).
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from evals.models.idefics.linear import multiply_packed, pack_weight

SECONDS = 0.5
ROWS = (512, 2048)
"""Tokens read together: what a language layer's matrices are multiplied with."""
GPU_ROWS = (4096, 16384)


def measure_rate(
    shapes: Mapping[str, Any], *, device: torch.device, dtype: torch.dtype, seconds: float = SECONDS
) -> float:
    """Return the matrix rate in operations a second; takes about `seconds`.

    Args:
        shapes: `hidden_size` and `intermediate_size` of the language model.
        device: where to multiply.
        dtype: of the matrices.
        seconds: shared by all shapes; each is multiplied three times at least.
    """
    width, inner = int(shapes["hidden_size"]), int(shapes["intermediate_size"])
    rows = GPU_ROWS if device.type == "cuda" else ROWS
    tasks = [
        (count, *sizes)
        for count in rows
        for sizes in ((width, width), (width, 3 * width), (width, 2 * inner), (inner, width))
    ]
    best = 0.0
    for count, inputs, outputs in tasks:
        x = torch.randn(count, inputs, device=device, dtype=dtype)
        weight = torch.randn(outputs, inputs, device=device, dtype=dtype)
        packed = pack_weight(weight)
        products = [partial(F.linear, x, weight)]
        if packed is not None:
            products.append(partial(multiply_packed, x, packed))
        for product in products:
            share = seconds / len(tasks) / len(products)
            usual = _time_product(product, device, seconds=share)
            best = max(best, 2 * count * inputs * outputs / usual)
    return best


def _time_product(product: Callable[[], Tensor], device: torch.device, *, seconds: float) -> float:
    """Return the median seconds of a product: the fastest would pass over a busy machine."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        _wait(device)
        start = time.perf_counter()
        product()
        _wait(device)
        times.append(time.perf_counter() - start)
    return median(times[1:])  # the first sets things up


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
