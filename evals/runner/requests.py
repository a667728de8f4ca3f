"""What is asked of the model for one query, and how its answers become a record.

A request is a function of (query, plan entry, protocol, tokenizer, length limit): nothing here
knows of batches, of order or of hardware.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from evals.demonstrations.plan import Planned
from evals.demonstrations.samplers import shuffle
from evals.files import sha256_json
from evals.prompts import (
    Demonstration,
    PromptParts,
    fit_prompt,
    hash_prompt,
    put_together,
    word_choice,
    word_demonstration,
)
from evals.protocols import Protocol
from evals.records import Generated, Ranked, Record
from evals.types import (
    Example,
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
    Model,
    Prompt,
    Task,
    Text,
    Wording,
)

Request = GenerateRequest | LogLikelihoodRequest
Response = Generation | LogLikelihoods

NUM_KEPT = 8192
"""Demonstrations kept in words: all of a support set of 2,048, whichever answers they show."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What does not change from query to query of a run."""

    task: Task
    protocol: Protocol
    wording: Wording
    support: Mapping[str, Example]
    """Support id -> example."""
    seed: int
    text_only: bool
    """The demonstrations are shown without their pictures (zero-shot priming)."""
    most_similar_last: bool
    """The plan's order is shown reversed (RICES)."""
    room: int
    """Tokens that a prompt may have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query's requests, one for each order of its demonstrations."""

    query: Example
    requests: tuple[Request, ...]
    demonstrations: tuple[str, ...]
    dropped: tuple[str, ...]
    num_prompt_tokens: int


def find_room(task: Task, protocol: Protocol, model: Model) -> int:
    """Return how many tokens a prompt may have beside its answer."""
    limit = protocol.token_limit(task, model_limit=model.max_tokens)
    if not task.choices:
        return limit - protocol.decode(task).max_new_tokens
    wording = protocol.word(task)
    longest = max(
        model.count_tokens((Text(_word_choice(choice, wording, protocol)),), bos=False)
        for choice in task.choices
    )
    return limit - longest


WordDemonstration = Callable[[Planned], Prompt]


def word_once(asking: Asking) -> WordDemonstration:
    """Return what puts demonstrations into words and keeps them: most are shown many times."""
    kept: dict[Planned, Prompt] = {}

    def word(planned: Planned) -> Prompt:
        if (prompt := kept.get(planned)) is None:
            prompt = word_anew(planned)
            if len(kept) < NUM_KEPT:
                kept[planned] = prompt
        return prompt

    def word_anew(planned: Planned) -> Prompt:
        example = asking.support[planned.support_id]
        answer = _shown_answer(example, planned.answer_index, asking)
        return word_demonstration(
            asking.wording,
            Demonstration(example, answer, with_image=not asking.text_only),
            end_of_chunk=asking.protocol.end_of_chunk,
        )

    return word


def ask(
    query: Example,
    planned: Sequence[Planned],
    asking: Asking,
    model: Model,
    word: WordDemonstration,
) -> Asked:
    """Build a query's requests.

    Raises:
        PromptError: the query does not fit the model even without demonstrations.
    """
    shown = _order(planned, asking)
    fitted = fit_prompt(
        _put_together(query, shown, asking, word),
        lambda prompt: model.count_tokens(prompt, bos=asking.wording.bos),
        max_tokens=asking.room,
        request_id=query.id,
    )
    kept = shown[fitted.num_dropped :]
    prompts = [fitted.prompt, *_word_other_orders(query, kept, asking, word)]
    return Asked(
        query=query,
        requests=tuple(
            _request(name_order(query.id, number), prompt, asking)
            for number, prompt in enumerate(prompts)
        ),
        demonstrations=tuple([entry.support_id for entry in kept]),
        dropped=tuple([entry.support_id for entry in shown[: fitted.num_dropped]]),
        num_prompt_tokens=fitted.num_tokens,
    )


def put_kept_together(
    query: Example,
    planned: Sequence[Planned],
    asking: Asking,
    word: WordDemonstration,
    *,
    num_dropped: int,
) -> Prompt:
    """Return a query's prompt (of several orders, the first) without what dropped out of it."""
    return _put_together(query, _order(planned, asking), asking, word).join(num_dropped=num_dropped)


def hash_again(
    query: Example,
    planned: Sequence[Planned],
    asking: Asking,
    word: WordDemonstration,
    *,
    num_dropped: int,
) -> str:
    """Return what the record of a query would have as `prompt_sha256`, without a model.

    How many demonstrations dropped out is taken from its record: a tokenizer decided that.

    Raises:
        PictureError: a picture cannot be read.
    """
    kept = _order(planned, asking)[num_dropped:]
    first = _put_together(query, kept, asking, word).join()
    prompts = [first, *_word_other_orders(query, kept, asking, word)]
    return _combine_hashes([hash_prompt(prompt, bos=asking.wording.bos) for prompt in prompts])


def name_order(query_id: str, number: int) -> str:
    """Return the request id of a query's n-th order; the first is the query's own id."""
    return query_id if number == 0 else f"{query_id}#order{number}"


def record_answer(asked: Asked, responses: Mapping[str, Response]) -> Record:
    """Put a query's responses together, in the order of its requests."""
    ordered = [responses[request.id] for request in asked.requests]
    return Record(
        id=asked.query.id,
        response=_combine(ordered),
        prompt_sha256=_combine_hashes(
            [hash_prompt(request.prompt, bos=request.bos) for request in asked.requests]
        ),
        demonstrations=asked.demonstrations,
        dropped=asked.dropped,
        num_prompt_tokens=asked.num_prompt_tokens,
    )


def _order(planned: Sequence[Planned], asking: Asking) -> tuple[Planned, ...]:
    return tuple(reversed(planned)) if asking.most_similar_last else tuple(planned)


def _put_together(
    query: Example, shown: Sequence[Planned], asking: Asking, word: WordDemonstration
) -> PromptParts:
    return put_together(
        asking.wording, map(word, shown), query, end_of_chunk=asking.protocol.end_of_chunk
    )


def _shown_answer(example: Example, index: int, asking: Asking) -> str:
    if example.label is not None:
        return asking.task.choices[index]
    shown = example.shown_references if asking.protocol.raw_answers else example.references
    return shown[
        index
    ].strip()  # COCO captions end in spaces and newlines, which close a prompt's line


def _word_other_orders(
    query: Example, kept: Sequence[Planned], asking: Asking, word: WordDemonstration
) -> Iterator[Prompt]:
    for order in _other_orders(query, kept, asking):
        yield _put_together(query, order, asking, word).join()


def _other_orders(
    query: Example, kept: Sequence[Planned], asking: Asking
) -> list[tuple[Planned, ...]]:
    """Draw the further orders of the demonstrations whose class scores are averaged."""
    wanted = min(asking.protocol.num_orders, math.factorial(len(kept)))
    if wanted <= 1 or not asking.task.choices:
        return []
    generator = random.Random(f"orders {asking.seed} {query.id}")
    orders = {tuple(range(len(kept))): None}
    while len(orders) < wanted:
        orders.setdefault(tuple(shuffle(range(len(kept)), generator)))
    return [tuple(kept[place] for place in order) for order in islice(orders, 1, None)]


def _request(request_id: str, prompt: Prompt, asking: Asking) -> Request:
    task, bos = asking.task, asking.wording.bos
    if not task.choices:
        return GenerateRequest(request_id, prompt, asking.protocol.decode(task), bos)
    choices = tuple(
        _word_choice(choice, asking.wording, asking.protocol) for choice in task.choices
    )
    return LogLikelihoodRequest(request_id, prompt, choices, bos)


def _word_choice(choice: str, wording: Wording, protocol: Protocol) -> str:
    return word_choice(wording, choice, end_of_chunk=protocol.end_of_chunk)


def _combine(responses: Sequence[Response]) -> Generated | Ranked:
    first = responses[0]
    if isinstance(first, Generation):
        return Generated(first.text, first.token_ids, first.logprob, first.finish_reason)
    rows = tuple(row.logprobs for row in responses if isinstance(row, LogLikelihoods))
    return Ranked(rows, first.num_tokens)


def _combine_hashes(hashes: Sequence[str]) -> str:
    return hashes[0] if len(hashes) == 1 else sha256_json(hashes)
