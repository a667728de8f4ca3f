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


OPERATIONS = 989e12
MEMORY = 3.35e12
LINK = 450e9
"""A second, of one H100 SXM: operations in bfloat16, bytes of memory, bytes to the others."""
SUM_SECONDS = 10e-6
NUM_TOKENS, NUM_NEW, NUM_QUERIES = 1000, 10, 5046
PICTURE_OPERATIONS = (0.33 + 0.03) * 1e12
STEP_BITS = {"bfloat16": 16, "int8": 40, "int4": 5}
"""Of traffic a weight: torchao's int8 product reads one byte, writes two and reads them again."""
TIMES = re.compile(
    r"^\| (9B|80B) \| (\w+) \| (\d)(?:, (\w+))? \| (\d+) "
    r"\| ([\d. +]+) \| ([\d. +]+) \| (\d+) (s|min) \|$",
    re.MULTILINE,
)


@pytest.mark.parametrize("name", CHANGES)
def test_the_pages_times_are_worked_out_from_its_rates(tmp_path: Path, name: str) -> None:
    config = read_config(write(tmp_path, **CHANGES[name]))
    with torch.device("meta"):
        network = Idefics(config)
    layers = sum(
        module.weight.numel()
        for path, module in network.named_modules()
        if isinstance(module, Linear) and is_quantised_matrix(path)
    )
    of_pictures = 2 * config.vision.width * config.width * config.num_gated_layers
    read_by_tokens = layers - of_pictures
    attention = 4 * config.width * NUM_TOKENS * (NUM_TOKENS + 1) / 2 * config.num_layers
    reading = (2 * read_by_tokens * NUM_TOKENS + attention + PICTURE_OPERATIONS) / OPERATIONS
    num_sums = 2 * (config.num_layers + config.num_gated_layers)
    head = 2 * config.vocab_size * config.width
    keys = NUM_TOKENS * 2 * 2 * config.width * config.num_layers
    rows = [found for found in TIMES.findall(PAGE.read_text()) if found[0] == name]
    assert len(rows) >= 6
    for _, kind, gpus, way, under_way, said_reading, said_step, said_total, unit in rows:
        count, is_tensor = int(gpus), way == "tensor"
        share = count if is_tensor else 1
        carried = 2 * (share - 1) / share * NUM_TOKENS * 2 * config.width / LINK
        a_prompt = [reading / share] + [num_sums * carried] * is_tensor
        a_step = [
            (read_by_tokens * STEP_BITS[kind] / 8 / share + head) / MEMORY,
            num_sums * SUM_SECONDS if is_tensor else 0,
            int(under_way) * keys / share / MEMORY,
        ]
        total = NUM_QUERIES * (sum(a_prompt) + NUM_NEW * sum(a_step) / int(under_way))
        where = f"{name} {kind} {gpus} {way}"
        for said, seconds in ((said_reading, a_prompt), (said_step, a_step)):
            milliseconds = [float(part) for part in said.split("+")]
            expected = [1e3 * each for each in seconds]
            assert milliseconds == pytest.approx(expected, abs=0.051, rel=0.002), where
        assert int(said_total) == pytest.approx(total / {"s": 1, "min": 60}[unit], abs=0.6), where
