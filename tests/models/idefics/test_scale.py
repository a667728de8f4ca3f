"""What docs/scale.md works out of the weights is what the code does with them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from evals.models.idefics.config import read_config
from evals.models.idefics.linear import Linear
from evals.models.idefics.model import Idefics
from evals.models.idefics.placement import place_layers
from evals.models.idefics.quantising import BITS, is_quantised_matrix
from tests.models.idefics.test_config import write
from tests.models.idefics.test_placement import EIGHTY_B, list_devices

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"
CHANGES = {"9B": {}, "80B": EIGHTY_B}
ROW = re.compile(r"^\| (9B|80B), (\w+) \|(.+)\|$", re.MULTILINE)


def list_bytes(network: Idefics, bits: float) -> Iterator[tuple[str, float, bool]]:
    """Yield each parameter's name, its bytes, and whether processes share it."""
    for path, module in network.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            is_matrix = isinstance(module, Linear) and leaf == "weight"
            width = bits / 8 if is_matrix and is_quantised_matrix(path) else 2
            yield f"{path}.{leaf}", width * parameter.numel(), is_matrix


def find_fullest(network: Idefics, bits: float, count: int) -> float:
    placement = place_layers(network, list_devices(count), layer_width=bits / 16)
    loads = dict.fromkeys(list_devices(count), 0.0)
    for name, size, _ in list_bytes(network, bits):
        loads[placement.find(name)] += size
    return max(loads.values())


def share(network: Idefics, bits: float, count: int) -> float:
    sizes = list_bytes(network, bits)
    return sum(size / count if is_matrix else size for _, size, is_matrix in sizes)


@pytest.mark.parametrize("name", CHANGES)
def test_the_pages_gigabytes_are_the_codes(tmp_path: Path, name: str) -> None:
    with torch.device("meta"):
        network = Idefics(read_config(write(tmp_path, **CHANGES[name])))
    rows = [found for found in ROW.findall(PAGE.read_text()) if found[0] == name]
    assert [kind for _, kind, _ in rows] == ["bfloat16", "int8", "int4"]
    for _, kind, cells in rows:
        bits = BITS.get(kind, 16.0)
        expected = [find_fullest(network, bits, 1)]
        for count in (2, 8):
            expected += [find_fullest(network, bits, count), share(network, bits, count)]
        said = [float(cell) for cell in cells.split("|")]
        assert said == pytest.approx([size / 1e9 for size in expected], abs=0.06)
