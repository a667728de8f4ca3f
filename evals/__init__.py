"""Few-shot evaluation of IDEFICS checkpoints.

`evaluate` runs what `evals run` runs:

    from evals import evaluate, load_model

    evaluate("okvqa", shots=[0, 4], limit=50)

`load_model` loads a model by itself.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.evaluating import Evaluation, evaluate
    from evals.models import load_model

__all__ = ["Evaluation", "evaluate", "load_model"]


def __getattr__(name: str) -> object:
    """Import what is offered only when it is asked for: `import evals` stays instant."""
    if name in ("Evaluation", "evaluate"):
        from evals import evaluating

        return getattr(evaluating, name)
    if name == "load_model":
        from evals.models import load_model

        return load_model
    raise AttributeError(f"module 'evals' has no attribute {name!r}")
