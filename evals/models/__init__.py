"""Models: what answers requests; from Python, `evals.load_model` is the way in.

>>> model = load_model("idefics", checkpoint="HuggingFaceM4/idefics-9b-instruct")
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from evals.errors import ConfigError

if TYPE_CHECKING:
    from evals.models.idefics.engine import IdeficsModel
    from evals.types import Model, ModelSpec


@overload
def load_model(name: Literal["idefics", "tiny"], **settings: Any) -> "IdeficsModel": ...
@overload
def load_model(name: str, **settings: Any) -> "Model": ...
def load_model(name: str, **settings: Any) -> "Model":
    """Load a model: "idefics", "transformers", "mock" or "tiny".

    Args:
        name: which one.
        settings: the fields of its spec in `evals.models.specs`: `checkpoint`, `device`, `dtype`,
            `batch_size`, `revision`, `allow_urls`.

    Raises:
        ConfigError: there is no such model or setting, or a needed one is missing.
        CheckpointError: the checkpoint cannot be loaded.
        OutOfMemoryError: it does not fit.
    """
    from evals.models.out_of_memory import explain_out_of_memory

    specs = _specs()
    if name not in specs:
        raise ConfigError(f"there is no model {name!r}; choose one of {', '.join(specs)}")
    try:
        spec = specs[name](**settings)
    except TypeError as error:
        raise ConfigError(f"model {name!r}: {error}") from error
    with explain_out_of_memory(spec, "while the model was loaded"):
        return spec.load()


def _specs() -> "Mapping[str, type[ModelSpec]]":
    from evals.models import specs

    return {
        "idefics": specs.IdeficsSpec,
        "transformers": specs.TransformersSpec,
        "mock": specs.MockSpec,
        "tiny": specs.TinySpec,
    }
