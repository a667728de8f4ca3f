"""What a model promises of its answers (`evals.types.Model`), seen to as they come.

An answer to nobody's question, or too few log-probabilities, would be a wrong score or a traceback
of ours; whoever wrote the model is told which answer it was and what was promised.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from evals.errors import ModelError, list_problems
from evals.types import (
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
)

AnyRequest = TypeVar("AnyRequest", GenerateRequest, LogLikelihoodRequest)
AnyResponse = TypeVar("AnyResponse", Generation, LogLikelihoods)
Key = TypeVar("Key")
Feature = TypeVar("Feature")

_WHERE = "(docs/adding-a-model.md)"


def ask_model(
    answer: Callable[[Iterable[AnyRequest]], Iterable[AnyResponse]],
    requests: Iterable[AnyRequest],
    info: ModelInfo,
) -> Iterator[AnyResponse]:
    """Yield a model's answers to requests, in any order, each once and as it must be.

    Args:
        answer: the model's method.
        requests: read as the model reads them.
        info: which model.

    Raises:
        ModelError: an answer has an id that was not asked, or was answered; an answer is none; at
            the end, some requests have no answer.
    """
    unanswered: dict[str, AnyRequest] = {}
    answered: set[str] = set()

    def read() -> Iterator[AnyRequest]:
        for request in requests:
            unanswered[request.id] = request
            yield request

    reading: Iterator[AnyRequest] = read()
    for response in answer(reading):
        key = getattr(response, "id", None)
        if key not in unanswered:
            what = "answered twice" if key in answered else "answered, and was never asked"
            raise ModelError(
                f"{_name(info)}: request {key!r:.200} is {what}; a model answers each request "
                f"once, by its id {_WHERE}"
            )
        if problem := _find_problem(response, unanswered.pop(key)):
            raise ModelError(
                f"{_name(info)}: its answer to request {key!r:.200} {problem} {_WHERE}"
            )
        answered.add(key)
        yield response
    if left := [*unanswered, *(request.id for request in islice(reading, 1))]:
        raise ModelError(
            f"{_name(info)} ended without an answer to some requests; a model answers each request "
            f"once, by its id {_WHERE}:\n{list_problems(left)}"
        )


def pair_features(
    keys: Sequence[Key], features: Iterable[Feature], info: ModelInfo
) -> Iterator[tuple[Key, Feature]]:
    """Yield each picture's key with its feature.

    Raises:
        ModelError: there are fewer features than pictures, or more.
    """
    values = iter(features)
    count = 0
    for pair in zip(keys, values, strict=False):
        yield pair
        count += 1
    more = any(True for _ in values)
    if more or count < len(keys):
        raise ModelError(
            f"{_name(info)} gave {'more' if more else f'{count:,}'} features for {len(keys):,} "
            f"pictures; `image_features` gives one for each, in order {_WHERE}"
        )


def find_feature_problem(feature: Any) -> str:
    """Return what is wrong with a picture's feature; "" where nothing is."""
    import numpy as np

    values = np.asarray(feature)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.floating):
        return f"is {values.dtype} of shape {values.shape}, and must be a vector of float32"
    length = float(np.linalg.norm(values.astype(np.float64)))
    if not math.isfinite(length):
        return "is not finite"
    return "" if abs(length - 1) < 1e-2 else f"is of length {length:.3g}, and must be of length one"


def _find_problem(response: object, request: GenerateRequest | LogLikelihoodRequest) -> str:
    """Return what is wrong with an answer to a request; "" where nothing is."""
    if isinstance(request, GenerateRequest):
        if not isinstance(response, Generation) or not isinstance(response.text, str):
            return f"is {type(response).__name__}, and must be a Generation with a text"
        return _judge_numbers("logprob", [response.logprob])
    if not isinstance(response, LogLikelihoods):
        return f"is {type(response).__name__}, and must be LogLikelihoods"
    for name in ("logprobs", "num_tokens"):
        if (count := len(getattr(response, name))) != len(request.choices):
            return f"has {count} {name}, and there are {len(request.choices)} choices"
    return _judge_numbers("logprobs", response.logprobs)


def _judge_numbers(name: str, values: Sequence[float]) -> str:
    if all(math.isfinite(value) for value in values):
        return ""
    return f"has {name} of {', '.join(map(str, values)):.200}, which must be finite"


def _name(info: ModelInfo) -> str:
    return f"model {info.name} ({info.checkpoint})"
