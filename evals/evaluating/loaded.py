"""Models that are there already, where settings of one are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.errors import ConfigError
from evals.evaluating.words import write_word
from evals.models.division import split_dtype
from evals.types import Model, ModelInfo

_TOLD: Mapping[str, Sequence[str]] = {
    "idefics": ("checkpoint", "device", "dtype", "revision"),
    "transformers": ("checkpoint", "device", "dtype", "revision"),
    "tiny": ("device", "dtype"),
}
"""Our models -> what of their settings a loaded one tells: enough to load it again."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings of a model that needs none."""

    model: Model

    def describe(self) -> ModelInfo:
        return self.model.info

    def load(self) -> Model:
        return self.model


@dataclass(frozen=True, slots=True)
class OfSession:
    """What a run folder says of a model that only a Python session had.

    The run can be scored and verified; answering more takes the object.
    """

    name: str
    checkpoint: str

    def describe(self) -> ModelInfo:
        """Refuse, as `load` does."""
        return self.load().info

    def load(self) -> Model:
        """Refuse: nobody can load it.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"the model {self.name} ({self.checkpoint}) was an object of a Python session; "
            "give it to evals.evaluate again"
        )


def is_ours(model: Model) -> bool:
    """Return whether the command line could load the model again."""
    return type(model).__module__.startswith("evals.models.") and model.info.name in _TOLD


def name_loaded(model: Model) -> list[str]:
    """Return the words that would load one of our models again: the run folder keeps them."""
    info = model.info
    told = {key: getattr(info, key) or None for key in _TOLD[info.name]}
    told["dtype"], quantised = split_dtype(info.dtype)
    if quantised:
        told["quantise"] = quantised
    return [
        write_word("model", info.name),
        *(write_word(f"model.{key}", value) for key, value in told.items()),
    ]


def describe_object(model: Model) -> dict[str, str]:
    """Return what a run folder keeps in place of the settings of anybody's model."""
    return {
        "_target_": f"{OfSession.__module__}.{OfSession.__qualname__}",
        "name": model.info.name,
        "checkpoint": model.info.checkpoint,
    }
