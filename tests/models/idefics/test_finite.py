"""Weights that are no numbers, found as they arrive."""

from pathlib import Path

import pytest
import torch

from evals.errors import CheckpointError
from evals.models.idefics.finite import FiniteCheck

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def look(*weights: torch.Tensor) -> str:
    check = FiniteCheck()
    for number, weight in enumerate(weights):
        check.see(f"weight.{number}", weight)
    try:
        check.raise_if_any(Path("folder"))
    except CheckpointError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("dtype", DTYPES)
def test_finite_weights_pass(dtype: torch.dtype) -> None:
    largest = torch.tensor([torch.finfo(dtype).max, torch.finfo(dtype).min], dtype=dtype)
    assert look(torch.randn(37, 5).to(dtype), largest, torch.zeros(0, dtype=dtype)) == ""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", [0, 500, 999])
def test_one_value_anywhere_is_found(dtype: torch.dtype, bad: float, place: int) -> None:
    weight = torch.randn(1000).to(dtype)
    weight[place] = bad
    message = look(torch.ones(3), weight.view(10, 100))
    assert f"weight.1 holds {'NaN' if bad != bad else 'infinity'}" in message
    assert "weight.0" not in message


def test_all_weights_are_named_with_the_folder() -> None:
    bad = torch.tensor([float("nan")])
    message = look(bad, torch.ones(2), bad)
    assert "weights in folder are not finite" in message
    assert message.count("holds NaN") == 2


def test_what_is_too_large_for_the_type_is_found() -> None:
    message = look(torch.tensor([70_000.0], dtype=torch.bfloat16).to(torch.float16))
    assert "holds infinity" in message
    assert "too large for model.dtype" in message
