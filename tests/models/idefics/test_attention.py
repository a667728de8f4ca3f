"""Attention in parts equals attention to everything at once."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from evals.models.idefics import attention
from evals.models.idefics.attention import (
    Context,
    KeyValues,
    ReadNext,
    ReadRuns,
    Run,
    attend_partially,
    merge,
)
from evals.models.idefics.groups import Groups

HEADS, SIZE = 2, 8


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, HEADS, SIZE)


@pytest.mark.gpu
@pytest.mark.parametrize("causal", [False, True])
def test_a_gpus_kernel_is_the_plain_formula(causal: bool) -> None:
    q, k, v = (torch.randn(3, 2, 40, 64, device="cuda").bfloat16() for _ in range(3))
    out, weight = attention.attend_partially(q, k, v, causal=causal)
    plain, plain_weight = attention.attend_plainly(q, k, v, causal=causal)
    torch.testing.assert_close(out, plain, atol=2e-2, rtol=0)
    torch.testing.assert_close(weight, plain_weight, atol=2e-2, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("causal", [False, True])
def test_the_plain_formula_is_the_kernel(dtype: torch.dtype, causal: bool) -> None:
    q, k, v = (draw(3, 5).transpose(1, 2).to(dtype) for _ in range(3))
    out, weight = attention.attend_partially(q, k, v, causal=causal)
    plain, plain_weight = attention.attend_plainly(q, k, v, causal=causal)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(out, plain, atol=tolerance, rtol=0)
    torch.testing.assert_close(weight.float(), plain_weight, atol=tolerance, rtol=0)
    exact = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    torch.testing.assert_close(out, exact, atol=tolerance, rtol=0)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99))
def test_parts_merge_to_the_whole_however_they_are_cut(cuts: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    q, k, v = draw(1, 3), draw(1, sum(cuts)), draw(1, sum(cuts))
    parts = []
    for keys, values in zip(k.split(cuts, dim=1), v.split(cuts, dim=1), strict=True):
        out, weight = attend_partially(*(each.transpose(1, 2) for each in (q * 5, keys, values)))
        parts.append((out.transpose(1, 2)[0], weight.transpose(1, 2)[0]))
    whole = F.scaled_dot_product_attention(*(each.transpose(1, 2) for each in (q * 5, k, v)))
    torch.testing.assert_close(merge(parts), whole.transpose(1, 2)[0], atol=1e-5, rtol=0)


def test_a_row_attends_to_the_shared_prefix_and_to_its_own_tokens_before() -> None:
    prefix = KeyValues(draw(1, 7), draw(1, 7))
    q, k, v = draw(2 * 4), draw(2 * 4), draw(2 * 4)
    read = ReadRuns([Run(0, 2, 4)], [Context(Groups((1, 8)), [prefix])])
    attended = read(0, q, k, v).view(2, 4, HEADS, SIZE)
    for row in range(2):
        own = slice(4 * row, 4 * row + 4)
        keys = torch.cat((prefix.keys[0], k[own]))
        values = torch.cat((prefix.values[0], v[own]))
        mask = torch.ones(4, 11).tril(7).bool()
        whole = F.scaled_dot_product_attention(
            *(each.transpose(0, 1) for each in (q[own], keys, values)), attn_mask=mask
        )
        torch.testing.assert_close(attended[row], whole.transpose(0, 1), atol=1e-5, rtol=0)


def test_the_next_token_attends_to_its_row_as_far_as_it_goes() -> None:
    lot = KeyValues(draw(3, 9), draw(3, 9))
    held = KeyValues(lot.keys.clone(), lot.values.clone())
    lengths = [2, 8, 5]
    q, k, v = draw(3), draw(3), draw(3)
    mask = torch.zeros(3, 1, 1, 9)
    for row, length in enumerate(lengths):
        mask[row, ..., length + 1 :] = -float("inf")
    attended = ReadNext([lot], torch.tensor(lengths), mask)(0, q, k, v)
    for row, length in enumerate(lengths):
        keys = torch.cat((held.keys[row, :length], k[row : row + 1]))
        values = torch.cat((held.values[row, :length], v[row : row + 1]))
        whole = F.scaled_dot_product_attention(
            *(each.transpose(0, 1) for each in (q[row : row + 1], keys, values))
        )
        torch.testing.assert_close(attended[row], whole[:, 0], atol=1e-5, rtol=0)
