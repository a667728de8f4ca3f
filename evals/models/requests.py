"""Requests that cannot be answered: what they have in common, whichever the model."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from evals.errors import PromptError, list_problems
from evals.types import GenerateRequest, LogLikelihoodRequest

AnyRequest = TypeVar("AnyRequest", GenerateRequest, LogLikelihoodRequest)
Read = TypeVar("Read")


def read_requests(requests: Sequence[AnyRequest], read: Callable[[AnyRequest], Read]) -> list[Read]:
    """Return what `read` makes of each request.

    Raises:
        PromptError: it raised one for some of them; all are listed, with their ids.
    """
    results, problems = [], []
    for request in requests:
        try:
            results.append(read(request))
        except PromptError as error:
            problems.append(f"request {request.id}: {error}")
    if problems:
        raise PromptError(f"prompts that cannot be answered:\n{list_problems(problems)}")
    return results


def check_length(num_tokens: int, num_new_tokens: int, *, max_tokens: int) -> None:
    """Refuse what does not fit; nothing is ever cut.

    Raises:
        PromptError: prompt and answer together are longer than the model reads.
    """
    if num_tokens + num_new_tokens > max_tokens:
        raise PromptError(
            f"its prompt has {num_tokens} tokens and its answer up to {num_new_tokens}, and the "
            f"model reads {max_tokens} in all; show fewer demonstrations"
        )
