"""Attention to several lots of keys, each computed where it lies and once.

A token of a running batch attends to a prefix that all rows share, to its own prompt and to what
was generated for its beam. Each lot is attended to by itself, and the results are merged by the
logarithms of their sums of exponentials, as flash attention merges its blocks (Dao et al. 2022).
So nothing is copied together, and what is shared is held once.
Shapes: n tokens, h heads, e head size; g, m groups and their tokens; t keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from evals.models.idefics.groups import Groups

Partial = tuple[Tensor, Tensor]
"""What was attended (..., h, e), and the log of the sum of exponentials (..., h)."""


@dataclass(frozen=True, slots=True)
class KeyValues:
    keys: Tensor
    """(rows, t, h, e)"""
    values: Tensor

    def crop(self, num_rows: int, num_tokens: int) -> tuple[Tensor, Tensor]:
        """Return the first rows' first keys and values, (rows, h, t, e) as attention takes them."""
        part = (slice(num_rows), slice(num_tokens))
        return self.keys[part].transpose(1, 2), self.values[part].transpose(1, 2)


@dataclass(frozen=True, slots=True)
class Context:
    """Keys and values that were there before this step, and which tokens attend to them."""

    groups: Groups
    layers: Sequence[KeyValues]
    """Of each language layer (g or more, t or more, h, e)."""
    mask: Tensor | None = None
    """(g, 1, 1, t), added to the scores: minus infinity past a row's end."""

    def to(self, device: torch.device) -> "Context":
        mask = None if self.mask is None else self.mask.to(device)
        return Context(self.groups.to(device), self.layers, mask)

    def attend(self, layer: int, q: Tensor) -> Partial:
        lot, num_groups = self.layers[layer], self.groups.shape[0]
        length = lot.keys.shape[1] if self.mask is None else self.mask.shape[-1]
        keys, values = lot.crop(num_groups, length)
        out, weight = attend_partially(self.groups.gather(q), keys, values, mask=self.mask)
        return self.groups.scatter(out, len(q)), self.groups.scatter(weight, len(q))


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of equal length, one after the other: a batch without padding."""

    start: int
    num_rows: int
    length: int

    @property
    def tokens(self) -> slice:
        return slice(self.start, self.start + self.num_rows * self.length)


class Attend(Protocol):
    """Self-attention of one step; it also keeps the step's keys and values, where they are needed
    again."""

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return what the queries see, for queries, keys and values (n, h, e)."""
        ...

    def to(self, device: torch.device) -> "Attend":
        """Return it for layers on another device; the keys and values of those are there."""
        ...


@dataclass(frozen=True, slots=True)
class ReadRuns:
    """Each token attends to those before it in its row, and to what its row continues."""

    runs: Sequence[Run]
    contexts: Sequence[Context] = ()
    keep: Callable[[int, Tensor, Tensor], None] | None = None
    """Told each layer's keys and values (n, h, e), which are on the layer's device."""

    def to(self, device: torch.device) -> "ReadRuns":
        return ReadRuns(self.runs, [each.to(device) for each in self.contexts], self.keep)

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return as many as there are queries: (n, h, e), or one a row, for its last token."""
        if self.keep:
            self.keep(layer, k, v)
        all_ask = len(q) == len(k)
        if all_ask:
            queries = [_split(run, q) for run in self.runs]
        else:
            rows = torch.split(q, [run.num_rows for run in self.runs])
            queries = [row[:, :, None] for row in rows]
        lots = [
            (asking, _split(run, k), _split(run, v))
            for asking, run in zip(queries, self.runs, strict=True)
        ]
        return _attend_to_all(layer, q, lots, self.contexts, causal=all_ask)


@dataclass(frozen=True, slots=True)
class ReadNext:
    """One token a row attends to all of its row so far, itself included."""

    layers: Sequence[KeyValues]
    """(rows or more, t or more, h, e): its own keys and values are written there."""
    positions: Tensor
    """(n,): where each row's token goes."""
    mask: Tensor
    """(n, 1, 1, t), added to the scores: minus infinity after each row's token."""
    contexts: Sequence[Context] = ()

    def to(self, device: torch.device) -> "ReadNext":
        contexts = tuple(each.to(device) for each in self.contexts)
        return ReadNext(self.layers, self.positions.to(device), self.mask.to(device), contexts)

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        lot, rows = self.layers[layer], torch.arange(len(q), device=q.device)
        lot.keys[rows, self.positions] = k
        lot.values[rows, self.positions] = v
        own = lot.crop(len(q), self.mask.shape[-1])
        return _attend_to_all(layer, q, [(q[:, :, None], *own)], self.contexts, mask=self.mask)


def attend_partially(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, mask: Tensor | None = None
) -> Partial:
    """Attend to some of the keys; `merge` puts such parts together.

    Args:
        q: (g, h, m, e).
        k: (g, h, t, e).
        v: as `k`.
        causal: query i attends to the first i + 1 keys only (m and t are equal).
        mask: (g, 1, 1, t), added to the scores.

    Returns:
        What was attended (g, h, m, e), and its log-sum-exp (g, h, m) in float32.
    """
    if q.device.type == "cpu" and _FLASH is not None:
        out, weight = _FLASH(q, k, v, 0.0, causal, attn_mask=mask)
        return out, weight
    halves = q.dtype in (torch.bfloat16, torch.float16)
    if q.device.type == "cuda" and halves and mask is None and _GPU_FLASH is not None:
        out, weight = _GPU_FLASH(q, k, v, 0.0, causal)[:2]
        return out, weight
    return attend_plainly(q, k, v, causal=causal, mask=mask)


def attend_plainly(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, mask: Tensor | None = None
) -> Partial:
    """Do as `attend_partially` does by the formula itself, on any device."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    scores = scores.float() if mask is None else scores.float() + mask.float()
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, -float("inf"))
    weight = scores.logsumexp(dim=-1)
    return (scores - weight[..., None]).exp().to(v.dtype) @ v, weight


def merge(parts: Sequence[Partial]) -> Tensor:
    """Put together what was attended in parts, each (n, h, e) with weights (n, h)."""
    weights = torch.stack([weight for _, weight in parts]).softmax(dim=0)[..., None]
    (first, _), *others = parts
    merged = first * weights[0]
    for (out, _), weight in zip(others, weights[1:], strict=True):
        merged.addcmul_(out, weight)
    return merged.to(first.dtype)


# The public attention does not return the log-sum-exp. These private operators do, which torch's
# own ring attention is built on, too; where they are not, the plain formula serves.
_FLASH = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
_GPU_FLASH = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention", None)


_Lot = tuple[Tensor, Tensor, Tensor]
"""Queries (rows, h, m, e), and the keys and values (rows, h, t, e) that they alone attend to."""


def _attend_to_all(
    layer: int,
    q: Tensor,
    lots: Sequence[_Lot],
    contexts: Sequence[Context],
    *,
    causal: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """Attend to the queries' own lots and to the contexts; `q` has the lots' queries in order.

    Without contexts nothing is to be merged, and torch's public attention serves.
    """
    if not contexts:
        whole = [
            F.scaled_dot_product_attention(*lot, attn_mask=mask, is_causal=causal) for lot in lots
        ]
        return _join(whole)
    parts = [attend_partially(*lot, causal=causal, mask=mask) for lot in lots]
    own = _join([out for out, _ in parts]), _join([weight for _, weight in parts])
    return merge([own, *(context.attend(layer, q) for context in contexts)])


def _split(run: Run, x: Tensor) -> Tensor:
    """Turn a run's part of (n, h, e) into (rows, h, length, e)."""
    return x[run.tokens].view(run.num_rows, run.length, *x.shape[1:]).transpose(1, 2)


def _join(parts: Sequence[Tensor]) -> Tensor:
    """Turn (rows, h, length, ...) of each run into (n, h, ...)."""
    flat = [x.transpose(1, 2).flatten(0, 1) for x in parts]
    return flat[0] if len(flat) == 1 else torch.cat(flat)
