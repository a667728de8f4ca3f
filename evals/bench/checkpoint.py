"""A random IDEFICS in the hub's layout, drawn tensor by tensor: 9B's shapes pass through as well.

Gates are open and weights large enough that every part of the network shows in the logits; with
transformers' own initial values, pictures would change nothing and any two engines would agree.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from evals.bench.vocabulary import build_tokenizer, save_tokenizer
from evals.models.checkpoint_files import WEIGHTS_INDEX
from evals.models.idefics.images import MEAN, STD

SHARD_BYTES = 4 * 2**30
NORMS = ("norm.weight", "norm1.weight", "norm2.weight", ".ln.weight", "layrnorm.weight")


def write_checkpoint(
    folder: Path,
    shapes: Mapping[str, Any],
    *,
    device: torch.device,
    dtype: torch.dtype,
    seed: int = 0,
    shard_bytes: int = SHARD_BYTES,
) -> Path:
    """Write config, weights, tokenizer and preprocessing; return the folder.

    Args:
        folder: made if it is not there.
        shapes: arguments of transformers' `IdeficsConfig`.
        device: where numbers are drawn; other devices draw others.
        dtype: of the weights in the files.
        seed: of the numbers.
        shard_bytes: about how large a file becomes, and what is held in memory.
    """
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    config = IdeficsConfig(**shapes, dtype=str(dtype).removeprefix("torch."))
    with torch.device("meta"):
        network = IdeficsForVisionText2Text(config)
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    random = torch.Generator(device).manual_seed(seed)
    weights = (
        (name, _draw(name, parameter.shape, random, dtype=dtype))
        for name, parameter in network.named_parameters()
    )
    _save_shards(folder, weights, shard_bytes=shard_bytes)
    save_tokenizer(build_tokenizer(config.vocab_size), folder)
    preprocessor = {
        "image_processor_type": "IdeficsImageProcessor",
        "image_num_channels": 3,
        "image_mean": MEAN,
        "image_std": STD,
        "image_size": config.vision_config.image_size,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    return folder


def _draw(name: str, shape: torch.Size, random: torch.Generator, *, dtype: torch.dtype) -> Tensor:
    weight = torch.empty(shape, device=random.device, dtype=dtype)
    if "alpha" in name or name.endswith(NORMS):
        return weight.uniform_(0.5, 1.5, generator=random)
    if weight.dim() < 2:
        return weight.normal_(std=0.2, generator=random)
    if "embed" in name or "latents" in name:
        return weight.normal_(generator=random)
    return weight.normal_(std=1.2 * weight[0].numel() ** -0.5, generator=random)


def _save_shards(folder: Path, weights: Iterator[tuple[str, Tensor]], *, shard_bytes: int) -> None:
    """Write weights as they are drawn, and the index that names their files."""
    files: dict[str, str] = {}
    shard: dict[str, Tensor] = {}
    num_files, total = 0, 0

    def flush() -> None:
        nonlocal num_files
        num_files += 1
        name = f"model-{num_files:05d}.safetensors"
        save_file(shard, folder / name, metadata={"format": "pt"})
        files.update(dict.fromkeys(shard, name))
        shard.clear()

    for name, weight in weights:
        shard[name] = weight.cpu()
        total += weight.nbytes
        if sum(tensor.nbytes for tensor in shard.values()) >= shard_bytes:
            flush()
    if shard:
        flush()
    index = {"metadata": {"total_size": total}, "weight_map": files}
    (folder / WEIGHTS_INDEX).write_text(json.dumps(index, indent=2) + "\n")
