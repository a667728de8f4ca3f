"""Memory that runs out, told to the user: which, how much there is, and what would take less."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from evals.errors import OutOfMemoryError, list_problems
from evals.memory import is_out_of_memory, name_shortage
from evals.types import FrugalSpec, ModelSpec

T = TypeVar("T")


@contextmanager
def explain_out_of_memory(spec: ModelSpec, doing: str) -> Iterator[None]:
    """Let memory that runs out inside say what the user can do.

    Args:
        spec: the settings of the model that is used inside.
        doing: what is done: "while it was loaded".

    Raises:
        OutOfMemoryError: it ran out; whatever else is raised passes.
    """
    try:
        yield
    except Exception as error:  # Python, numpy and torch have no class in common for it
        if not is_out_of_memory(error):
            raise
        ways = [
            *(spec.list_savings() if isinstance(spec, FrugalSpec) else ()),
            "a smaller model, or a machine with more memory",
        ]
        raise OutOfMemoryError(
            f"{name_shortage(error)} {doing}. Run it again with what takes less:\n"
            f"{list_problems(ways)}"
        ) from error


def explain_each(values: Iterable[T], spec: ModelSpec, doing: str) -> Iterator[T]:
    """Yield values, whose making is explained as `explain_out_of_memory` does."""
    with explain_out_of_memory(spec, doing):
        yield from values
