"""The canaries. Each says what was tried and what came of it; none raises."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from evals.canaries.prompts import (
    CHOICES,
    draw_blank,
    draw_picture,
    make_generating,
    make_prompt,
    make_prompts,
    make_scoring,
)
from evals.types import GenerateRequest, Image, LogLikelihoodRequest, Model, Prompt

TOLERANCES = {"float32": 1e-4, "bfloat16": 0.25, "float16": 0.05}
"""How far log-probabilities of a few tokens may be apart by rounding alone."""
MIN_MOVE = 1e-3
"""What another picture must move, or the model does not look at it."""


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Canary:
    name: str
    outcome: Outcome
    detail: str


def run_canaries(
    model: Model, *, oracle: Callable[[], Model | str], hidden: Callable[[Prompt], object] | None
) -> Iterator[Canary]:
    """Try a model, check by check.

    Args:
        model: loaded.
        oracle: loads the same checkpoint in transformers, or says why it does not.
        hidden: returns a prompt's hidden states (tokens, width) before its first picture, as an
            array; `None` of a model that does not show them.
    """
    prompts = make_prompts()
    tolerance = TOLERANCES.get(model.info.dtype.partition(",")[0], 1e-4)
    together = score(model, make_scoring(prompts))
    yield _check_batch(model, prompts, together, tolerance)
    yield _check_generation(model, prompts)
    yield _check_classes(model, prompts, together, tolerance)
    yield _check_pictures(model)
    yield _check_text_first(hidden, tolerance)
    yield _check_oracle(oracle(), prompts, together, tolerance)


Scores = dict[str, tuple[float, ...]]


def score(model: Model, requests: Sequence[LogLikelihoodRequest]) -> Scores:
    return {scored.id: scored.logprobs for scored in model.loglikelihood(requests)}


def _check_batch(
    model: Model, prompts: Sequence[Prompt], together: Scores, tolerance: float
) -> Canary:
    alone: Scores = {}
    for request in make_scoring(list(prompts)):
        alone |= score(model, [request])
    return _judge("one prompt at a time as all together", _distance(together, alone), tolerance)


def _check_generation(model: Model, prompts: Sequence[Prompt]) -> Canary:
    """In half precision answers may part where two tokens are nearly as likely: only told."""
    name = "answers one at a time as all together"
    requests = make_generating(list(prompts))
    together = _generate(model, requests)
    alone = {key: ids for request in requests for key, ids in _generate(model, [request]).items()}
    differ = [key for key in together if together[key] != alone[key]]
    detail = f"{len(together) - len(differ)} of {len(together)} answers equal"
    if differ and model.info.dtype != "float32":
        return Canary(name, Outcome.PASSED, f"{detail}; the others may be near ties in half")
    return Canary(name, Outcome.FAILED if differ else Outcome.PASSED, detail)


def _check_classes(
    model: Model, prompts: Sequence[Prompt], together: Scores, tolerance: float
) -> Canary:
    alone: Scores = {request.id: () for request in make_scoring(list(prompts))}
    for choice in CHOICES:
        requests = [replace(each, choices=(choice,)) for each in make_scoring(list(prompts))]
        for key, logprobs in score(model, requests).items():
            alone[key] += logprobs
    return _judge("classes together as each alone", _distance(together, alone), tolerance)


def _check_pictures(model: Model) -> Canary:
    """Swap the query's picture and a demonstration's, and blank the query's."""
    shown, query, other = (draw_picture(seed) for seed in range(10, 13))
    prompts = {
        "as it is": make_prompt(shown, query=query),
        "swapped": make_prompt(shown, query=other),
        "shown swapped": make_prompt(other, query=query),
        "blank": make_prompt(shown, query=draw_blank()),
    }
    scores = score(model, [LogLikelihoodRequest(n, p, CHOICES) for n, p in prompts.items()])
    first = scores.pop("as it is")
    moves = {
        name: max(abs(a - b) for a, b in zip(first, each, strict=True))
        for name, each in scores.items()
    }
    still = [name for name, move in moves.items() if not move > MIN_MOVE]
    detail = ", ".join(f"{name} {move:.2g}" for name, move in moves.items())
    outcome = Outcome.FAILED if still else Outcome.PASSED
    return Canary("another picture moves the scores", outcome, detail)


def _check_text_first(hidden: Callable[[Prompt], object] | None, tolerance: float) -> Canary:
    """Transformers let text before the first picture attend to pictures until November 2023."""
    name = "text before the first picture is blind to it"
    if hidden is None:
        return Canary(name, Outcome.SKIPPED, "only the built-in model shows its hidden states")
    import numpy as np

    def read(picture: Image) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        return np.asarray(hidden(make_prompt(query=picture)), dtype=np.float32)

    one, other = read(draw_picture(20)), read(draw_picture(21))
    return _judge(name, float(np.abs(one - other).max()), tolerance)


def _check_oracle(
    oracle: Model | str, prompts: Sequence[Prompt], together: Scores, tolerance: float
) -> Canary:
    name = "the same scores as transformers"
    if isinstance(oracle, str):
        return Canary(name, Outcome.SKIPPED, oracle)
    theirs = score(oracle, make_scoring(list(prompts)))
    return _judge(name, _distance(together, theirs), tolerance)


def _generate(model: Model, requests: Sequence[GenerateRequest]) -> dict[str, tuple[int, ...]]:
    return {made.id: made.token_ids for made in model.generate(requests)}


def _distance(one: Scores, other: Scores) -> float:
    pairs = [zip(one[key], other[key], strict=True) for key in one]
    return max(abs(a - b) for pair in pairs for a, b in pair)


def _judge(name: str, distance: float, tolerance: float) -> Canary:
    # Not `distance > tolerance`: a NaN is no pass.
    outcome = Outcome.PASSED if distance <= tolerance else Outcome.FAILED
    return Canary(name, outcome, f"apart by {distance:.1e}, {tolerance:g} is rounding")
