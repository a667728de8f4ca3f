"""What is done to a model, told to those who do the same with their shares of it.

One process decides, and tells; where there are no others, nobody listens (`leading.py`).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Tell(Protocol):
    def __call__(self, name: str, *args: object) -> AbstractContextManager[None]:
        """Tell what is done inside the context: others do it meanwhile.

        Args:
            name: one of those that `following.py` knows.
            args: values; tensors may be among them, and pictures are told by their names only.
        """
        ...


def tell_nobody(name: str, *args: object) -> AbstractContextManager[None]:
    return nullcontext()


class _Telling(Protocol):
    @property
    def tell(self) -> Tell: ...


_T = TypeVar("_T", bound=_Telling)


def told(method: Callable[Concatenate[_T, _P], _R]) -> Callable[Concatenate[_T, _P], _R]:
    """Make a method that tells its name and its (positional) arguments before it does anything."""

    @wraps(method)
    def tell_and_do(self: _T, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        assert not kwargs
        with self.tell(method.__name__, *args):
            return method(self, *args, **kwargs)

    return tell_and_do
