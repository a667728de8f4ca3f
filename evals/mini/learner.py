"""How a network of the tiny checkpoint learns: optimisers, schedule, and stopping in between."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import torch

MATRIX_RATE, OTHER_RATE, WEIGHT_DECAY = 3e-3, 1.5e-3, 0.05
WARMUP_STEPS, DECAY_SHARE = 40, 0.3
_TABLES = "embed|head|latents"
"""Matrices whose rows stand for tokens, patches or latents."""


class Learner:
    """A network, its optimisers and their schedules: what a stopped training needs to go on."""

    def __init__(self, network: torch.nn.Module, *, num_steps: int, seed: int) -> None:
        self.network = network
        self.identity = (num_steps, seed)
        self.shifts = torch.Generator().manual_seed(seed)
        self.optimizers = build_optimizers(network)
        self.schedules = [
            torch.optim.lr_scheduler.LambdaLR(each, partial(rate_at, num_steps=num_steps))
            for each in self.optimizers
        ]

    def learn(self, loss: torch.Tensor) -> float:
        """Take one step down a loss and return it."""
        self.network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer, schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            schedule.step()
        return loss.item()

    def save(self, path: Path, *, step: int) -> None:
        state = {
            "identity": self.identity,
            "step": step,
            "shifts": self.shifts.get_state(),
            "parts": [part.state_dict() for part in self._parts()],
        }
        temporary = path.with_suffix(".new")
        torch.save(state, temporary)
        temporary.replace(path)

    def resume(self, path: Path) -> int | None:
        """Go on from the saved state of the same training, if there is one.

        Returns:
            Its step; `None` where there is nothing to go on from.
        """
        if not path.is_file():
            return None
        state = torch.load(path, weights_only=False)
        if state["identity"] != self.identity:
            return None
        self.shifts.set_state(state["shifts"])
        for part, saved in zip(self._parts(), state["parts"], strict=True):
            part.load_state_dict(saved)
        return int(state["step"])

    def _parts(self) -> list[Any]:
        return [self.network, *self.optimizers, *self.schedules]


def build_optimizers(network: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the network, AdamW for embeddings, head, norms and gates.

    Muon (Jordan et al. 2024) needed a quarter fewer steps than AdamW alone for the same loss. It
    is in torch from 2.9 on: newer than what evaluating needs.
    """
    named = dict(network.named_parameters())
    inner = [n for n, p in named.items() if p.dim() == 2 and not re.search(_TABLES, n)]
    matrices = [named[name] for name in inner]
    tables = [p for name, p in named.items() if p.dim() > 1 and name not in inner]
    vectors = [p for p in named.values() if p.dim() <= 1]
    muon = torch.optim.Muon(
        matrices, lr=MATRIX_RATE, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"
    )
    groups = [
        {"params": tables, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return [muon, torch.optim.AdamW(groups, lr=OTHER_RATE, betas=(0.9, 0.98))]


def rate_at(step: int, *, num_steps: int) -> float:
    """Rise, stay, and fall to zero over the last steps, as a share of the learning rate."""
    rise = (step + 1) / WARMUP_STEPS
    fall = (num_steps - step) / (num_steps * DECAY_SHARE)
    return min(1.0, rise, fall)
