"""How a model is divided among devices, and whether its weights are quantised: settings, read."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from evals.errors import ConfigError

Parallel = Literal["layers", "tensor"]
Quantised = Literal["int8", "int4"]


@dataclass(frozen=True, slots=True)
class Division:
    parallel: Parallel | None = None
    """How several devices hold the model."""
    num_devices: int = 1
    quantised: Quantised | None = None
    """What the layers' weights become."""

    def name_dtype(self, dtype: str) -> str:
        """Return what a record of a run calls the weights: answers depend on it."""
        return dtype if self.quantised is None else f"{dtype}, {self.quantised} weights"


WHOLE = Division()


def split_dtype(named: str) -> tuple[str, str | None]:
    """Return `model.dtype` and `model.quantise` of what `name_dtype` made of them."""
    dtype, _, weights = named.partition(", ")
    return dtype, weights.removesuffix(" weights") or None


def read_division(
    parallel: str | None, num_devices: int | None, quantise: str | None, *, device: str
) -> Division:
    """Check the settings.

    Args:
        parallel: `model.parallel`.
        num_devices: `model.num_devices`.
        quantise: `model.quantise`.
        device: the one that `model.device` comes to.

    Raises:
        ConfigError: they do not exist or do not fit together, or there are fewer devices.
    """
    if parallel is not None and parallel not in get_args(Parallel):
        raise ConfigError(f"model.parallel={parallel}: choose layers, tensor or null")
    if quantise is not None and quantise not in get_args(Quantised):
        raise ConfigError(f"model.quantise={quantise}: choose int8, int4 or null")
    if num_devices is not None and num_devices < 1:
        raise ConfigError(f"model.num_devices={num_devices}: choose 1 or more")
    if parallel is None and num_devices is not None:
        raise ConfigError(
            f"model.num_devices={num_devices} wants model.parallel=layers or tensor, which say how "
            "they divide the model"
        )
    if parallel is not None and ":" in device:
        raise ConfigError(
            f"model.device={device} is one device, and model.parallel={parallel} divides the "
            "model; choose cuda (the environment's CUDA_VISIBLE_DEVICES says which are seen)"
        )
    return Division(
        cast(Parallel | None, parallel),
        _count_devices(num_devices, device=device) if parallel else 1,
        cast(Quantised | None, quantise),
    )


def _count_devices(num_devices: int | None, *, device: str) -> int:
    if device == "cpu":
        if num_devices is None:
            raise ConfigError(
                "model.parallel on a CPU saves nothing, and is for trying out: say by "
                "model.num_devices into how many parts"
            )
        return num_devices
    import torch

    found = torch.cuda.device_count()
    if num_devices is not None and num_devices > found:
        raise ConfigError(f"model.num_devices={num_devices}: there are {found} GPUs")
    return found if num_devices is None else num_devices
