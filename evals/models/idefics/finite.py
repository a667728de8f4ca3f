"""Weights that are no numbers: a NaN in one matrix makes every answer nonsense, and no error.

Looked for as the weights arrive, in their final type and place (a bfloat16 above 65,504 is infinite
in float16), by the smallest and the largest of each: both are NaN where any is. That reads 18 GB in
two seconds on one core, where `torch.isfinite` takes a minute; on a GPU nothing waits for it until
all are there.
"""

from pathlib import Path

import torch
from torch import Tensor

from evals.errors import CheckpointError, list_problems


class FiniteCheck:
    """Sees each weight once, and in the end says which were not finite."""

    def __init__(self) -> None:
        self._extremes: dict[str, Tensor] = {}
        """Name -> (2,): the smallest and the largest value, on the weight's device."""

    def see(self, name: str, weight: Tensor) -> None:
        if weight.numel():
            self._extremes[name] = torch.stack(torch.aminmax(weight))

    def raise_if_any(self, folder: Path) -> None:
        """Raise the names of all weights with a value that is not finite.

        Raises:
            CheckpointError: there is at least one.
        """
        problems = [
            f"{name} holds {'NaN' if extremes.isnan().any() else 'infinity'}"
            for name, extremes in self._extremes.items()
            if not torch.isfinite(extremes.to("cpu", torch.float32)).all()
        ]
        if problems:
            raise CheckpointError(
                f"weights in {folder} are not finite; the file is damaged, its training has "
                f"diverged, or they are too large for model.dtype:\n{list_problems(problems)}"
            )
