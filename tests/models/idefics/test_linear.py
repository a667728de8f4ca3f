"""Products with packed weights are products."""

import pytest
import torch
import torch.nn.functional as F

from evals.models.idefics.layers import DecoupledHead
from evals.models.idefics.linear import Linear, multiply_packed, pack_weight

PARTS = ("q_proj", "k_proj")


def fill(module: torch.nn.Module, dtype: torch.dtype = torch.float32) -> None:
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        parameter.data = torch.randn(parameter.shape, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(0, 12), (1, 12), (70, 12), (3, 5, 12)])
@pytest.mark.parametrize("bias", [False, True])
def test_packing_changes_no_product(dtype: torch.dtype, shape: tuple[int, ...], bias: bool) -> None:
    linear = Linear(12, 7, 9, names=PARTS, bias=bias)
    fill(linear, dtype)
    x = torch.randn(shape, dtype=dtype)
    expected = F.linear(x, linear.weight, linear.bias)
    torch.testing.assert_close(linear(x), expected)
    linear.pack()
    torch.testing.assert_close(linear(x), expected, atol=1e-5, rtol=1e-5)


def test_what_is_packed_lies_in_memory_once() -> None:
    linear = Linear(12, 7)
    fill(linear)
    linear.pack()
    if linear.packed is None:
        pytest.skip("this torch has no oneDNN product to pack for")
    assert not list(linear.parameters())


def test_a_strided_input_is_read_as_it_stands() -> None:
    weight = torch.randn(7, 12)
    if (packed := pack_weight(weight)) is None:
        pytest.skip("this torch has no oneDNN product to pack for")
    for x in (torch.randn(12, 5).t(), torch.randn(5, 24)[:, ::2], torch.randn(9, 12)[2:]):
        torch.testing.assert_close(multiply_packed(x, packed), F.linear(x, weight))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_types_stay_as_they_are(dtype: torch.dtype) -> None:
    linear = Linear(12, 7)
    fill(linear, dtype)
    linear.pack()
    assert linear.packed is None
    assert linear(torch.ones(2, 12, dtype=dtype)).shape == (2, 7)


@pytest.mark.parametrize("num_additional", [0, 3])
def test_both_tables_of_a_head_are_packed_as_one(num_additional: int) -> None:
    head = DecoupledHead(50, num_additional, 12)
    fill(head)
    x = torch.randn(4, 12)
    expected = head(x)
    assert expected.shape == (4, 50 + num_additional)
    head.pack()
    torch.testing.assert_close(head(x), expected, atol=1e-5, rtol=1e-5)
