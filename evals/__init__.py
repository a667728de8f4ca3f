"""Few-shot evaluation of IDEFICS checkpoints."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.models import load_model

__all__ = ["load_model"]


def __getattr__(name: str) -> object:
    """Import what is offered only when it is asked for: `import evals` stays instant."""
    if name == "load_model":
        from evals.models import load_model

        return load_model
    raise AttributeError(f"module 'evals' has no attribute {name!r}")
