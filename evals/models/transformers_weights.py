"""transformers' IDEFICS from a checkpoint folder, with all of its weights or not at all.

`from_pretrained` itself warns of a missing weight, and draws it at random.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import IdeficsForVisionText2Text

from evals.errors import CheckpointError, list_problems
from evals.memory import is_out_of_memory
from evals.models.idefics.finite import FiniteCheck
from evals.models.idefics.weights import KNOWN_BUFFERS


def load_network(folder: Path, *, dtype: torch.dtype) -> IdeficsForVisionText2Text:
    """Load a checkpoint folder onto the CPU.

    Raises:
        CheckpointError: a file is damaged, or weights are missing, unknown, misshapen or not
            finite; all are listed.
    """
    try:
        network, info = IdeficsForVisionText2Text.from_pretrained(
            folder, dtype=dtype, ignore_mismatched_sizes=True, output_loading_info=True
        )
    except (SafetensorError, OSError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise CheckpointError(
            f"{folder} cannot be loaded by transformers ({error!s:.300}); download it again"
        ) from error
    if problems := list(_list_problems(info)):
        raise CheckpointError(
            f"the weights in {folder} do not fit its config.json:\n{list_problems(problems)}"
        )
    check = FiniteCheck()
    for name, weight in network.named_parameters():
        check.see(name, weight.data)
    check.raise_if_any(folder)
    return network


def _list_problems(info: dict[str, Any]) -> Iterable[str]:
    yield from (f"{name} is missing" for name in sorted(info["missing_keys"]))
    for name, stored, wanted in sorted(info["mismatched_keys"]):
        yield f"{name} has shape {list(stored)}, and config.json makes it {list(wanted)}"
    for name in sorted(info["unexpected_keys"]):
        if not name.endswith(KNOWN_BUFFERS):
            yield f"{name} is no weight of this model"
