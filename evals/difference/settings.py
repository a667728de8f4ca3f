"""Causes that stand in settings and files: model, decoding, truncation, scorer, versions.

Each is told with the first query in which something shows that nothing before it explains.
"""

from collections.abc import Callable, Iterator, Mapping

from evals.difference.difference import Cause, Layer
from evals.difference.queries import both, tell
from evals.difference.side import Side
from evals.identity import list_differences
from evals.records import Generated, Record
from evals.summary import RunSummary

PROCESSOR_FILES = (
    "preprocessor_config.json",
    "processor_config.json",
    "image_processor_config.json",
    "video_preprocessor_config.json",
)
"""Of a checkpoint: how pictures become pixels."""
GENERATION_FILE = "generation_config.json"
PROTOCOL_LAYERS: Mapping[str, Layer] = {
    "wording": Layer.PROMPT,
    "end_of_chunk": Layer.PROMPT,
    "decoding": Layer.DECODING,
    "max_tokens": Layer.DECODING,
    "num_orders": Layer.DECODING,
    "truncation": Layer.TRUNCATION,
    "class_score": Layer.TRUNCATION,
}
"""Part of a protocol -> what it is of. Its name alone changes nothing."""


def compare_task(one: Side, other: Side) -> Iterator[Cause]:
    """Yield in which ways the task is another."""
    ways: Mapping[str, tuple[object, object]] = {
        "task": (one.summary.task, other.summary.task),
        "split": (one.summary.split, other.summary.split),
        "the task's kind": (one.task.kind, other.task.kind),
        "the task's choices": (one.task.choices, other.task.choices),
    }
    for what, (before, after) in ways.items():
        if before != after:
            yield Cause(Layer.DATA, what, *tell(before, after), _first(one, other))
    arguments = [side.identity.values["task"] for side in (one, other) if side.identity.schema > 1]
    if len(arguments) == 2:
        given, others = (dict(each).get("arguments") for each in arguments)
        for place, before, after in list_differences(given, others):
            what = f"tasks.{one.summary.task}.{place}"
            yield Cause(Layer.DATA, what, *tell(before, after), _first(one, other))


def compare_protocols(one: Side, other: Side, explained: set[str]) -> Iterator[Cause]:
    """Yield the settings of the protocol that are others, those of truncation with their query."""
    described, others = (side.settings.protocol.describe(side.task) for side in (one, other))
    for place, before, after in list_differences(described, others):
        layer = PROTOCOL_LAYERS.get(place.partition(".")[0])
        if layer is None:
            continue
        shows = is_read_otherwise if layer is Layer.TRUNCATION else is_other_response
        query_id = find_first(one, other, shows, explained)
        yield Cause(layer, f"protocol.{place}", *tell(before, after), query_id)


def compare_models(one: Side, other: Side, explained: set[str]) -> Iterator[Cause]:
    """Yield what of the model is another: processor, weights, type, settings, generation config."""
    query_id = find_first(one, other, is_other_response, explained)
    files, other_files = (dict(side.model.get("files", {})) for side in (one, other))
    for name in sorted({*files, *other_files}):
        before, after = (str(each.get(name, "not there"))[:16] for each in (files, other_files))
        if before != after:
            layer = Layer.PIXELS if name in PROCESSOR_FILES else Layer.WEIGHTS
            layer = Layer.DECODING if name == GENERATION_FILE else layer
            yield Cause(layer, f"checkpoint file {name}", before, after, query_id)
    for key in ["name", "dtype", *(["fingerprint"] if files == other_files else [])]:
        if one.model.get(key) != other.model.get(key):
            values = tell(one.model.get(key), other.model.get(key))
            yield Cause(Layer.WEIGHTS, f"model {key}", *values, query_id)
    if one.identity.schema > 1 and other.identity.schema > 1:
        given, others = (dict(side.identity.values["model"])["arguments"] for side in (one, other))
        for place, before, after in list_differences(given, others):
            yield Cause(Layer.WEIGHTS, f"model.{place}", *tell(before, after), query_id)


def compare_scorers(one: Side, other: Side) -> Iterator[Cause]:
    """Yield which score is printed, and by which version, where these are others."""
    query_id = find_first(one, other, is_scored_otherwise, set())
    before, after = one.summary, other.summary
    if before.headline != after.headline:
        names = tell(before.headline, after.headline)
        yield Cause(Layer.SCORER, "headline", *names, query_id)
    for name in dict.fromkeys([before.headline, after.headline]):
        held, now = (summary.scores.get(name or "", {}) for summary in (before, after))
        if held and now and held.get("metric_version") != now.get("metric_version"):
            versions = tell(held.get("metric_version"), now.get("metric_version"))
            yield Cause(Layer.SCORER, f"version of the metric of {name}", *versions, query_id)
    if before.task_version != after.task_version:
        versions = tell(before.task_version, after.task_version)
        yield Cause(Layer.SCORER, "version of the task", *versions, query_id)
    notes = tell(_note(before), _note(after))
    if notes[0] != notes[1]:
        yield Cause(Layer.SCORER, "note of the score", *notes)


def _note(summary: RunSummary) -> str:
    return str(summary.scores.get(summary.headline or "", {}).get("note") or "none")


def compare_versions(one: Side, other: Side, explained: set[str]) -> Iterator[Cause]:
    """Yield by what code, on what, the answers were made, and by what code scored."""
    query_id = find_first(one, other, is_other_response, explained)
    described, others = (
        {
            **dict(side.summary.answered.get("code", {})),
            "device": side.model.get("device"),
            "num_devices": side.model.get("num_devices", 1),
            "scored": dict(side.summary.scored),
        }
        for side in (one, other)
    )
    for place, before, after in list_differences(described, others):
        yield Cause(Layer.VERSIONS, place, *tell(before, after), query_id)


def find_first(
    one: Side, other: Side, shows: Callable[[Side, Side, str], bool], explained: set[str]
) -> str | None:
    """Return the first query in which something shows that nothing before explains."""
    for query_id in both(one, other):
        if query_id not in explained and shows(one, other, query_id):
            return query_id
    return None


def is_other_response(one: Side, other: Side, query_id: str) -> bool:
    """Return whether the model answered otherwise."""
    responses = [_read(side.records.get(query_id)) for side in (one, other)]
    return responses[0] != responses[1]


def is_read_otherwise(one: Side, other: Side, query_id: str) -> bool:
    """Return whether the same response became another answer."""
    answers = [
        (query.answer, query.choice, query.probabilities)
        for query in (one.scored[query_id], other.scored[query_id])
    ]
    return answers[0] != answers[1] and not is_other_response(one, other, query_id)


def is_scored_otherwise(one: Side, other: Side, query_id: str) -> bool:
    """Return whether the same answer has another score."""
    queries = one.scored[query_id], other.scored[query_id]
    values = [
        query.scores.get(side.summary.headline or "")
        for query, side in zip(queries, (one, other), strict=True)
    ]
    is_same_answer = queries[0].answer == queries[1].answer
    return is_same_answer and values[0] != values[1]


def _first(one: Side, other: Side) -> str | None:
    return next(iter(both(one, other)), None)


def _read(record: Record | None) -> object:
    if record is None:
        return None
    response = record.response
    return response.text if isinstance(response, Generated) else response.logprobs
