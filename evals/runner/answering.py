"""Sends what a run still lacks to the model, and records the answers as they come."""

from collections.abc import Iterable, Iterator

from evals.demonstrations import Plan
from evals.models.contract import ask_model
from evals.records import Record
from evals.runner.requests import Asked, Asking, Request, Response, ask, record_answer, word_once
from evals.types import Example, GenerateRequest, LogLikelihoodRequest, Model


def answer(
    queries: Iterable[Example], plan: Plan, asking: Asking, model: Model
) -> Iterator[Record]:
    """Yield a record for each query, in any order.

    Prompts are built as the model reads ahead: no more of them are held than it looks at.

    Raises:
        ModelError: the model's answers are not what a model promises; those before are yielded.
    """
    asked: dict[str, Asked] = {}
    """Request id -> its query, until the query's last response is in."""
    responses: dict[str, dict[str, Response]] = {}
    word = word_once(asking)

    def requests() -> Iterator[Request]:
        for query in queries:
            planned = plan[query.id].demonstrations
            query_asked = ask(query, planned, asking, model, word)
            responses[query.id] = {}
            for request in query_asked.requests:
                asked[request.id] = query_asked
                yield request

    for response in _respond(requests(), asking, model):
        query_asked = asked.pop(response.id)
        received = responses[query_asked.query.id]
        received[response.id] = response
        if len(received) == len(query_asked.requests):
            del responses[query_asked.query.id]
            yield record_answer(query_asked, received)


def _respond(requests: Iterator[Request], asking: Asking, model: Model) -> Iterator[Response]:
    if asking.task.choices:
        scored = (request for request in requests if isinstance(request, LogLikelihoodRequest))
        yield from ask_model(model.loglikelihood, scored, model.info)
    else:
        generated = (request for request in requests if isinstance(request, GenerateRequest))
        yield from ask_model(model.generate, generated, model.info)
