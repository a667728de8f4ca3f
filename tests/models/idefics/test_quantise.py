"""Weights of fewer bits: which they are, how far answers stray, and that a run says so."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from evals.cli.comparing import compare
from evals.errors import ConfigError
from evals.models.idefics.engine import IdeficsModel
from evals.models.idefics.linear import Linear, is_quantised
from evals.models.idefics.quantising import is_quantised_matrix
from evals.models.specs import IdeficsSpec
from evals.resources import tiny_checkpoint_dir
from evals.runner import run_all
from evals.types import Image
from tests.models.conftest import Pair
from tests.models.idefics.prompts import make_scoring
from tests.runner.calls import open_session

pytest.importorskip("torchao")

TINY = IdeficsSpec(str(tiny_checkpoint_dir()), device="cpu", num_workers=0)
CHOICES = (" yes", " no longer", " a much longer choice")


@pytest.fixture(scope="module")
def whole() -> IdeficsModel:
    return TINY.load()


@pytest.fixture(scope="module")
def int8() -> IdeficsModel:
    return replace(TINY, quantise="int8").load()


def score(model: IdeficsModel, pictures: list[Image]) -> torch.Tensor:
    scored = {one.id: one.logprobs for one in model.loglikelihood(make_scoring(pictures, *CHOICES))}
    return torch.tensor([scored[key] for key in sorted(scored)])


def test_the_layers_matrices_are_quantised_and_nothing_else(int8: IdeficsModel) -> None:
    kinds = {
        name: is_quantised(module.weight)
        for name, module in int8.network.named_modules()
        if isinstance(module, Linear) and module.packed is None
    }
    packed = {
        name
        for name, module in int8.network.named_modules()
        if isinstance(module, Linear) and module.packed is not None
    }
    assert all(is_quantised_matrix(name) for name, quantised in kinds.items() if quantised)
    assert sum(kinds.values()) == 6 * 4 + 1 + 3 * 5
    assert not any(is_quantised_matrix(name) for name in packed)
    assert not is_quantised(int8.network.embed_tokens.weight)


def test_pictures_look_the_same(whole: IdeficsModel, int8: IdeficsModel) -> None:
    """Their latents are kept on disk for both."""
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(whole.network.encode_images(pixels), int8.network.encode_images(pixels))


def test_int8_scores_are_near(
    whole: IdeficsModel, int8: IdeficsModel, pictures: list[Image]
) -> None:
    """Of sums of up to twenty log-probabilities."""
    distance = (score(whole, pictures) - score(int8, pictures)).abs()
    assert 0 < distance.mean() < 0.2


def test_int4_scores_stray_further(
    whole: IdeficsModel, int8: IdeficsModel, pictures: list[Image]
) -> None:
    pytest.importorskip("torchao.prototype.quantization.int4")
    int4 = replace(TINY, quantise="int4").load()
    exact = score(whole, pictures)
    near, far = ((score(model, pictures) - exact).abs().mean() for model in (int8, int4))
    assert near < far < 3


def test_shares_of_a_matrix_are_quantised_as_the_whole(
    int8: IdeficsModel, pictures: list[Image]
) -> None:
    """A process that holds half of a row would find another scale for it."""
    shared = replace(TINY, quantise="int8", parallel="tensor", num_devices=2).load()
    try:
        torch.testing.assert_close(
            score(shared, pictures), score(int8, pictures), atol=1e-4, rtol=0
        )
    finally:
        shared.close()


def test_rows_that_int4_cannot_group_are_listed(base: Pair) -> None:
    with pytest.raises(ConfigError, match=r"layers\.0\.mlp\.down_proj: rows of 48"):
        IdeficsSpec(str(base.folder), device="cpu", quantise="int4").load()


def test_the_type_says_so_and_division_does_not() -> None:
    assert TINY.describe().dtype == "float32"
    half = replace(TINY, dtype="bfloat16", quantise="int8").describe()
    assert half.dtype == "bfloat16, int8 weights"
    divided = replace(TINY, parallel="layers", num_devices=2).describe()
    assert replace(divided, num_devices=1) == TINY.describe()


def test_int8_s_sums_are_too_large_for_float16() -> None:
    with pytest.raises(ConfigError, match="int8 scales its sums afterwards"):
        replace(TINY, dtype="float16", quantise="int8").load()


def run_tiny(where: Path, *overrides: str) -> dict[str, Any]:
    """Run on the first questions; return what the run is known by."""
    data_dir = open_session("task=vqav2", "model=tiny").settings.tasks[0].source.data_dir
    session = open_session(
        *("task=vqav2", f"data_dir={data_dir}", f"run_dir={where}", "limit=60", "shots=2"),
        *("model=idefics", f"model.checkpoint={tiny_checkpoint_dir()}", "model.device=cpu"),
        *("model.num_workers=0", *overrides),
    )
    assert len(list(run_all(session))) == 1
    identity: dict[str, Any] = json.loads((where / "identity.json").read_text())
    return identity


def test_quantised_scores_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a user finds out whether int8 is good enough."""
    assert run_tiny(tmp_path / "whole") != run_tiny(tmp_path / "int8", "model.quantise=int8")
    capsys.readouterr()
    compare([str(tmp_path / "whole"), str(tmp_path / "int8"), "--format", "json"])
    [compared] = json.loads(capsys.readouterr().out)["comparisons"]
    assert compared["cautions"] == ["dtype: float32 and float32, int8 weights"]
    for score in compared["scores"]:
        assert score["num_queries"] == 60
        assert score["value_before"] > 0.5
        assert abs(score["difference"]) < 0.05
        assert score["low"] <= 0 <= score["high"]
