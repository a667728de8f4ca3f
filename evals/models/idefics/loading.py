"""From a checkpoint folder to a model that answers: on one device, or divided among several."""

from contextlib import nullcontext
from pathlib import Path

import torch

from evals.models.division import WHOLE, Division
from evals.models.idefics.batch import Memory
from evals.models.idefics.cache import CacheMemory
from evals.models.idefics.config import read_config
from evals.models.idefics.engine import VISION_BATCH, IdeficsModel
from evals.models.idefics.images import read_image_processor
from evals.models.idefics.latents import LatentCache, LatentFormat, latents_key
from evals.models.idefics.leading import Leader, share_latents, tell_pixels
from evals.models.idefics.limits import choose_limits
from evals.models.idefics.pictures import Pictures
from evals.models.idefics.placement import list_devices
from evals.models.idefics.projections import Projections
from evals.models.idefics.telling import tell_nobody
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
    allow_urls: bool | str = False,
    cache_dir: Path | None = None,
    num_workers: int | None = None,
    division: Division = WHOLE,
) -> IdeficsModel:
    """Load a checkpoint folder.

    Args:
        folder: in the hub's layout.
        info: what it is.
        device: where the model goes; if it is divided, which kind of devices.
        dtype: of its weights.
        batch_size: at most so many answers under way; `None` for as many as fit and help.
        allow_urls: fetch pictures behind URLs.
        cache_dir: keep the latents of pictures there, for other runs.
        num_workers: processes that decode pictures; `None` for what the machine has.
        division: how it is divided: by layers (`placement.py`), or every matrix (`sharding.py`);
            and whether it is quantised (`quantising.py`).

    Raises:
        CheckpointError: a file is missing or malformed, or the weights do not fit.
        ConfigError: the model cannot be divided or quantised so.
    """
    config = read_config(folder)
    processor = read_image_processor(folder, config)
    tokenizer = read_tokenizer(folder, vocab_size=config.total_vocab_size)
    devices, leader, count = [device], None, division.num_devices
    if division.parallel == "tensor" and count > 1:
        from evals.models.idefics.sharding import check_shares  # DTensor takes a second

        check_shares(config, count)
        leader = Leader(
            folder, kind=device.type, count=count, dtype=dtype, quantised=division.quantised
        )
        devices = [leader.device]
    elif division.parallel == "layers":
        devices = list_devices(device.type, count)
    with leader.load() if leader else nullcontext():
        network = load_weights(
            folder,
            config,
            device=devices[0],
            dtype=dtype,
            others=devices[1:],
            mesh=leader.mesh if leader else None,
            quantised=division.quantised,
            wait=leader.wait_for_device if leader else lambda: None,
        )
        limits = choose_limits(
            network.cache_shape,
            device=network.device,
            rows=batch_size,
            careful=leader is not None,
        )
        limits = leader.agree(limits) if leader else limits
    latents = LatentFormat(
        latents_key(info.fingerprint, processor, dtype=dtype),
        shape=(config.num_latents, config.vision.width),
        dtype=dtype,
        device=network.device,
    )
    pictures = Pictures(
        processor,
        tell_pixels(network.encode_images, leader.tell) if leader else network.encode_images,
        cache=LatentCache(latents, max_bytes=limits.image_bytes, folder=cache_dir),
        batch_size=VISION_BATCH,
        num_workers=num_workers,
        device=network.device,
    )
    find = share_latents(pictures.latents, leader.tell) if leader else pictures.latents
    return IdeficsModel(
        info=info,
        network=network,
        tokenizer=tokenizer,
        pictures=pictures,
        memory=Memory(
            network,
            Projections(network, find, max_bytes=limits.image_bytes),
            prompts=CacheMemory(network.cache_shape),
            branches=CacheMemory(network.cache_shape),
            tell=leader.tell if leader else tell_nobody,
        ),
        limits=limits,
        allow_urls=allow_urls,
        close_group=leader.close if leader else None,
    )
