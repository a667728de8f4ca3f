"""From a checkpoint folder to a model that answers."""

from pathlib import Path

import torch

from evals.models.idefics.batch import Memory
from evals.models.idefics.cache import CacheMemory
from evals.models.idefics.config import read_config
from evals.models.idefics.engine import VISION_BATCH, IdeficsModel
from evals.models.idefics.images import read_image_processor
from evals.models.idefics.latents import LatentCache, LatentFormat, latents_key
from evals.models.idefics.limits import choose_limits
from evals.models.idefics.pictures import Pictures
from evals.models.idefics.projections import Projections
from evals.models.idefics.tokens import read_tokenizer
from evals.models.idefics.weights import load_weights
from evals.types import ModelInfo


def load_idefics(
    folder: Path,
    info: ModelInfo,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int | None = None,
    allow_urls: bool = False,
    cache_dir: Path | None = None,
    num_workers: int | None = None,
) -> IdeficsModel:
    """Load a checkpoint folder.

    Args:
        folder: in the hub's layout.
        info: what it is.
        device: where the model goes.
        dtype: of its weights.
        batch_size: at most so many answers under way; `None` for as many as fit and help.
        allow_urls: fetch pictures behind URLs.
        cache_dir: keep the latents of pictures there, for other runs.
        num_workers: processes that decode pictures; `None` for what the machine has.

    Raises:
        CheckpointError: a file is missing or malformed, or the weights do not fit.
    """
    config = read_config(folder)
    processor = read_image_processor(folder, config)
    tokenizer = read_tokenizer(folder, vocab_size=config.total_vocab_size)
    network = load_weights(folder, config, device=device, dtype=dtype)
    limits = choose_limits(config, device=device, dtype=dtype, rows=batch_size)
    latents = LatentFormat(
        latents_key(info.fingerprint, processor, dtype=dtype),
        shape=(config.num_latents, config.vision.width),
        dtype=dtype,
        device=device,
    )
    pictures = Pictures(
        processor,
        network.encode_images,
        cache=LatentCache(latents, max_bytes=limits.image_bytes, folder=cache_dir),
        batch_size=VISION_BATCH,
        num_workers=num_workers,
        device=device,
    )
    return IdeficsModel(
        info=info,
        network=network,
        tokenizer=tokenizer,
        pictures=pictures,
        memory=Memory(
            network,
            Projections(network, pictures.latents, max_bytes=limits.image_bytes),
            prompts=CacheMemory(config, device=device, dtype=dtype),
            branches=CacheMemory(config, device=device, dtype=dtype),
        ),
        limits=limits,
        allow_urls=allow_urls,
    )
