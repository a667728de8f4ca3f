"""Layers over several devices: which goes where, and that all they need goes with them."""

import random
import subprocess
import sys
from itertools import combinations_with_replacement, pairwise
from pathlib import Path

import pytest
import torch

from evals.errors import ConfigError
from evals.models.idefics.config import read_config
from evals.models.idefics.model import Idefics
from evals.models.idefics.placement import divide_evenly, place_layers
from evals.models.specs import IdeficsSpec
from evals.types import Decoding, Image
from tests.models.conftest import Pair
from tests.models.idefics import travelling
from tests.models.idefics.prompts import answer, assert_equal, make_requests, make_scoring
from tests.models.idefics.test_config import write
from tests.models.idefics.test_engine import make_shared

EIGHTY_B = {
    "hidden_size": 8192,
    "intermediate_size": 22016,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
}


def list_devices(count: int) -> list[torch.device]:
    return [torch.device("cuda", index) for index in range(count)]


def build(folder: Path, **changes: object) -> Idefics:
    with torch.device("meta"):
        return Idefics(read_config(write(folder, **changes)))


def find_fullest(sizes: list[float], bounds: tuple[int, ...], first: float) -> float:
    loads = [sum(sizes[start:end]) for start, end in pairwise((0, *bounds, len(sizes)))]
    return max(loads[0] + first, *loads[1:])


@pytest.mark.parametrize("seed", range(8))
def test_no_other_division_leaves_the_fullest_place_emptier(seed: int) -> None:
    draw = random.Random(seed)
    sizes = [float(draw.randint(1, 9)) for _ in range(draw.randint(4, 9))]
    count, first = draw.randint(2, 4), float(draw.randint(0, 12))
    counts = divide_evenly(sizes, count, first=first)
    assert sum(counts) == len(sizes)
    assert len(counts) == count
    bounds = [sum(counts[: index + 1]) for index in range(count - 1)]
    best = min(
        find_fullest(sizes, cuts, first)
        for cuts in combinations_with_replacement(range(len(sizes) + 1), count - 1)
    )
    assert find_fullest(sizes, tuple(bounds), first) == best


def test_one_place_has_everything() -> None:
    assert divide_evenly([1, 2, 3], 1, first=5) == (3,)


def test_places_that_could_be_fuller_are_even_all_the_same() -> None:
    """The first is the fullest whatever goes to the others."""
    none, *others = divide_evenly([1] * 8, 4, first=6)
    assert (none, sorted(others)) == (0, [2, 3, 3])


def test_80b_is_divided_evenly_among_eight(tmp_path: Path) -> None:
    network = build(tmp_path, **EIGHTY_B)
    placement = place_layers(network, list_devices(8), layer_width=1.0)
    loads = dict.fromkeys(list_devices(8), 0)
    for name, parameter in network.named_parameters():
        loads[placement.find(name)] += parameter.numel()
    assert sum(loads.values()) == 79_967_843_624
    assert max(loads.values()) < 1.07 * sum(loads.values()) / 8
    gated = placement.find("gated_cross_attn_layers.9.alpha_dense")
    assert gated == placement.find("layers.36.self_attn.o_proj.weight")
    assert placement.find("lm_head.weight") == placement.find("norm.weight") == list_devices(8)[0]


def test_quantised_layers_weigh_less_beside_the_vision_tower(tmp_path: Path) -> None:
    network = build(tmp_path)
    whole, half = (
        place_layers(network, list_devices(2), layer_width=width).layers.count(list_devices(2)[0])
        for width in (1.0, 0.5)
    )
    assert half < whole < 16


def test_more_devices_than_layers_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are 32 layers"):
        place_layers(build(tmp_path), list_devices(33), layer_width=1.0)


def test_a_model_in_two_places_answers_as_in_one(pair: Pair, pictures: list[Image]) -> None:
    spec = IdeficsSpec(
        str(pair.folder), device="cpu", num_workers=0, parallel="layers", num_devices=2
    )
    model = spec.load()
    for decoding in (Decoding(6), Decoding(6, num_beams=3)):
        requests = [*make_requests(pictures, decoding), *make_shared(pictures, decoding)]
        assert_equal(answer(model, requests), answer(pair.ours, requests), tolerance=1e-5)
    pair.ours.prefixes.clear()
    requests = make_scoring(pictures, " yes", " no longer")
    scored = {one.id: one.logprobs for one in model.loglikelihood(requests)}
    for one in pair.ours.loglikelihood(requests):
        assert scored[one.id] == pytest.approx(one.logprobs, abs=1e-5)


def test_all_that_layers_read_moves_with_the_tokens() -> None:
    """On the CPU alone, a step that leaves something behind would pass unnoticed."""
    command = [sys.executable, "-W", "error", "-m", travelling.__name__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if "no devices" in done.stdout:
        pytest.skip(done.stdout)
    assert done.stdout == "nothing was left behind"
