"""How much of a gap each layer makes: one changed after the other, and scored again.

From A's number to B's: first which score is printed, then which queries, their references, how
answers are read, and the answers themselves. Those cannot be divided further without asking the
model again. The parts add up to the gap, since each is the difference of two numbers in a row.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from evals.difference.difference import Cause, Layer, Part
from evals.difference.queries import both
from evals.difference.settings import is_other_response
from evals.difference.side import Side
from evals.errors import EvalError
from evals.runner.scoring import fail, read_answer
from evals.runner.summarising import score_predictions
from evals.types import Answer, Prediction

OF_ANSWERS = (
    *(Layer.DEMONSTRATIONS, Layer.PROMPT, Layer.PIXELS, Layer.WEIGHTS),
    *(Layer.DECODING, Layer.DATA, Layer.VERSIONS),
)
"""What may have made other answers, the likeliest first."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a number is scored from."""

    records: Side
    """Whose answers."""
    examples: Side
    """Whose references."""
    reading: Side
    """Whose truncation."""
    headline: str | None
    query_ids: Collection[str]


def split_gap(one: Side, other: Side, causes: Sequence[Cause]) -> tuple[Part, ...]:
    """Return the parts of the gap; none where a run's headline has no value."""
    before, after = read_headline(one), read_headline(other)
    if before is None or after is None:
        return ()
    parts: list[Part] = []
    value = before
    for what, following in _walk(one, other, before, after, causes):
        if following is None:  # it cannot be scored any more
            return (*parts, Part("all that follows: it cannot be scored again", after - value))
        if following != value or what.startswith("answers"):
            parts.append(Part(what, following - value))
        value = following
    if value != after:
        parts.append(Part("the scorer's version", after - value))
    return tuple(parts)


def read_headline(side: Side) -> float | None:
    """Return a run's headline as it is printed, in its natural unit."""
    value = side.summary.scores.get(side.summary.headline or "", {}).get("value")
    return None if value is None else float(value)


def _walk(
    one: Side, other: Side, before: float, after: float, causes: Sequence[Cause]
) -> Iterator[tuple[str, float | None]]:
    """Yield what is changed next, and the number then."""
    names = one.summary.headline, other.summary.headline
    common = set(both(one, other))
    state = _State(one, one, one, names[0], one.scored.keys())
    value: float | None = before
    if not _is_current(one, names[0]):
        value = _score(state)
        yield "the scorer's version", value
    if names[0] != names[1]:
        state = replace(state, headline=names[1])
        held = one.summary.scores.get(names[1] or "", {}).get("value")
        value = held if held is not None and _is_current(one, names[1]) else _score(state)
        yield f"the scorer's variant ({names[1]}, not {names[0]})", value
    steps: list[tuple[str, _State]] = []
    if len(common) < len(one.scored):
        state = replace(state, query_ids=common)
        steps.append(("the queries that only A has", state))
    state = replace(state, examples=other)
    if _has_other_examples(one, other):
        steps.append(("references and labels", state))
    state = replace(state, reading=other)
    if _is_read_otherwise(one, other):
        steps.append(("truncation", state))
    for what, changed in steps:
        value = _score(changed)
        yield what, value
    answered_otherwise = any(is_other_response(one, other, query_id) for query_id in common)
    is_last = len(common) == len(other.scored)
    if answered_otherwise:
        state = replace(state, records=other)
        reached = after if is_last and _is_current(other, names[1]) else _score(state)
        yield f"answers ({_name_reason(causes)})", reached
    if not is_last:
        state = _State(other, other, other, names[1], other.scored.keys())
        yield (
            "the queries that only B has",
            after if _is_current(other, names[1]) else _score(state),
        )


def _name_reason(causes: Sequence[Cause]) -> str:
    for layer in OF_ANSWERS:
        for cause in causes:
            if cause.layer is layer and cause.what not in ("references", "label"):
                return f"{layer}: {cause.what}"
    return "nothing else differs"


def _is_current(side: Side, headline: str | None) -> bool:
    """Return whether a run was scored by the metric's version that is here."""
    score = side.summary.scores.get(headline or "", {})
    versions = {metric.name: metric.version for metric in side.task.metrics}
    held = score.get("metric_version")
    return not score or versions.get(str(score.get("metric"))) == held


def _has_other_examples(one: Side, other: Side) -> bool:
    if one.data is None or other.data is None:
        return False
    queries = one.data.queries, other.data.queries
    return any(
        (a.references, a.raw_references, a.label) != (b.references, b.raw_references, b.label)
        for a, b in ((queries[0][query_id], queries[1][query_id]) for query_id in both(one, other))
    )


def _is_read_otherwise(one: Side, other: Side) -> bool:
    protocols = [side.settings.protocol.describe(side.task) for side in (one, other)]
    read = [
        (values.get("truncation"), values.get("class_score"), _stop(values)) for values in protocols
    ]
    return read[0] != read[1]


def _stop(values: dict[str, dict[str, object]]) -> object:
    return values.get("decoding", {}).get("stop")  # a text is cut there, too


def _score(state: _State) -> float | None:
    """Score a state; `None` where the data are gone or a score cannot be computed."""
    data, task = state.examples.data, state.examples.task
    if data is None or state.headline is None:
        return None
    metrics = {
        side.summary.scores.get(state.headline, {}).get("metric")
        for side in (state.records, state.examples, state.reading)
    }
    chosen = tuple(metric for metric in task.metrics if metric.name in metrics)
    predictions = [
        Prediction(example, _read_answer(state, example.id))
        for example in data.run.split.examples
        if example.id in state.query_ids
    ]
    is_sample = data.run.sampled is not None
    try:
        scored = score_predictions(
            replace(task, metrics=chosen or task.metrics),
            data.run.split,
            predictions,
            is_sample=is_sample,
        )
    except EvalError:
        return None
    value = scored.scores.get(state.headline, {}).get("value")
    return None if value is None else float(value)


def _read_answer(state: _State, query_id: str) -> Answer:
    record = state.records.records.get(query_id)
    if record is None:
        return fail(state.examples.task)
    return read_answer(record, state.reading.task, state.reading.settings.protocol)
