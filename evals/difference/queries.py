"""Causes that show in single queries: data, demonstrations, prompt bytes, pixels.

Each function goes through the queries that both runs asked, in the order of A's split, and leaves
out those that an earlier layer explains: other demonstrations need not be told again as another
prompt.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from evals.difference.difference import Cause, Layer
from evals.difference.side import Data, Side
from evals.errors import EvalError
from evals.runner.requests import put_kept_together
from evals.types import Example, Image, Prompt, Text

NUM_SHOWN = 60
"""Letters of a text that is shown."""


def compare_data(one: Side, other: Side, explained: set[str]) -> Iterator[Cause]:
    """Yield in which ways the queries are others."""
    for a, b, name in ((one, other, "A"), (other, one, "B")):
        lost = [query_id for query_id in a.scored if query_id not in b.scored]
        if lost:
            yield Cause(
                Layer.DATA,
                f"queries that only {name} has",
                _describe_queries(one),
                _describe_queries(other),
                lost[0],
                detail=f"{len(lost):,} of them",
            )
    if one.data is None or other.data is None:
        yield from _compare_digests(one, other)
        return
    seen: set[str] = set()
    for query_id in both(one, other):
        for what, before, after in _compare_examples(
            one.data.queries[query_id], other.data.queries[query_id]
        ):
            # References are read by the scorer alone: the prompt is the same.
            if what not in ("references", "label"):
                explained.add(query_id)
            if what not in seen:
                seen.add(what)
                yield Cause(Layer.DATA, what, before, after, query_id)


def compare_demonstrations(one: Side, other: Side, explained: set[str]) -> Iterator[Cause]:
    """Yield the first query that is shown other demonstrations, or the same ones otherwise."""
    seen: set[str] = set()
    for query_id in _left(one, other, explained):
        for what, before, after in _compare_shown(one, other, query_id):
            explained.add(query_id)
            if what not in seen:
                seen.add(what)
                yield Cause(Layer.DEMONSTRATIONS, what, before, after, query_id)


def compare_prompts(one: Side, other: Side, explained: set[str]) -> Iterator[Cause]:
    """Yield the first query with other words, and the first with other pictures.

    A recorded hash tells whether anything differs; what, the data say, where they are there.
    """
    seen: set[Layer] = set()
    for query_id in _left(one, other, explained):
        records = one.records[query_id], other.records[query_id]
        if records[0].prompt_sha256 == records[1].prompt_sha256:
            continue
        if (cause := _explain_prompt(one, other, query_id)) is None:
            continue
        explained.add(query_id)
        if cause.layer not in seen:
            seen.add(cause.layer)
            yield cause


def both(one: Side, other: Side) -> list[str]:
    """Return the queries that both runs scored, in the order of A's split."""
    return [query_id for query_id in one.scored if query_id in other.scored]


def tell(before: object, after: object) -> tuple[str, str]:
    """Return two values as a cause shows them."""
    return shorten(before), shorten(after)


def shorten(text: object) -> str:
    """Return a text that fits a line."""
    shown = " ".join(str(text).split())
    return shown if len(shown) <= NUM_SHOWN else f"{shown[:NUM_SHOWN]}..."


def _left(one: Side, other: Side, explained: set[str]) -> Iterator[str]:
    """Yield the queries that both runs answered and that no earlier layer explains."""
    for query_id in both(one, other):
        answered = query_id in one.records and query_id in other.records
        if answered and query_id not in explained:
            yield query_id


def _describe_queries(side: Side) -> str:
    summary, settings = side.summary, side.settings
    size = f"{summary.num_queries:,} of {summary.num_split:,}"
    if summary.sample is not None:
        return f"{size} (sample={summary.sample}, seed {summary.sample_seed})"
    return size if settings.limit is None else f"{size} (limit={settings.limit})"


def _compare_digests(one: Side, other: Side) -> Iterator[Cause]:
    """Yield that examples differ, where they are not there to be looked at."""
    described = [
        dict(side.summary.answered.get("data", {}).get("queries", {})) for side in (one, other)
    ]
    by_content = all("examples" in queries for queries in described)
    before, after = (
        queries["examples"] if by_content else sorted(queries.get("files", {}).values())
        for queries in described
    )
    if before != after:
        yield Cause(
            Layer.DATA,
            "examples",
            *tell(before, after),
            detail="the data are gone, so that the query cannot be named",
        )


def _compare_examples(one: Example, other: Example) -> Iterator[tuple[str, str, str]]:
    if one.question != other.question:
        yield "question", shorten(one.question), shorten(other.question)
    before, after = ((*each.references, *each.raw_references) for each in (one, other))
    if before != after:
        yield "references", *_part_lists(before, after)
    if one.label != other.label:
        yield "label", str(one.label), str(other.label)


def _part_lists(one: Sequence[str], other: Sequence[str]) -> tuple[str, str]:
    """Return the first texts in which two lists differ."""
    pairs = zip(one, other, strict=False)
    common = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return shorten(", ".join(one[common:]) or "none"), shorten(", ".join(other[common:]) or "none")


def _compare_shown(one: Side, other: Side, query_id: str) -> Iterator[tuple[str, str, str]]:
    records = one.records[query_id], other.records[query_id]
    planned = [(*record.dropped, *record.demonstrations) for record in records]
    if planned[0] != planned[1]:
        shown = [", ".join(support_ids) or "none" for support_ids in planned]
        yield _name_plan_setting(one, other), *tell(*shown)
        return
    if records[0].dropped != records[1].dropped:
        dropped = [f"{len(each.dropped)} of {len(planned[0])} dropped" for each in records]
        yield "demonstrations that fit the length", *tell(*dropped)
        return
    kept = set(records[0].demonstrations)
    entries = [
        [shown for shown in side.plan[query_id].demonstrations if shown.support_id in kept]
        for side in (one, other)
    ]
    changed = next((pair for pair in zip(*entries, strict=False) if pair[0] != pair[1]), None)
    if changed:
        answers = tell(*(f"{each.support_id}: answer {each.answer_index}" for each in changed))
        yield "which answer is shown", *answers
    if one.data and other.data:
        yield from _compare_support(one.data, other.data, records[0].demonstrations)


def _compare_support(
    one: Data, other: Data, shown: Iterable[str]
) -> Iterator[tuple[str, str, str]]:
    for support_id in shown:
        pair = [data.asking.support.get(support_id) for data in (one, other)]
        if pair[0] is None or pair[1] is None:
            continue
        for what, before, after in _compare_examples(pair[0], pair[1]):
            yield f"a demonstration's {what}", f"{support_id}: {before}", f"{support_id}: {after}"
            return


def _name_plan_setting(one: Side, other: Side) -> str:
    """Return the setting that chose other demonstrations, where one did."""
    summaries = one.summary, other.summary
    settings = one.settings, other.settings
    ways: dict[str, list[object]] = {
        "shots": [summary.shots for summary in summaries],
        "support_split": [summary.support_split for summary in summaries],
        "demonstrations.sampler": [summary.sampler for summary in summaries],
        "demonstrations.num_support": [summary.num_support for summary in summaries],
        "seed": [summary.seed for summary in summaries],
        "protocol.priming": [s.protocol.priming for s in settings],
        "protocol.num_priming": [s.protocol.num_priming for s in settings],
    }
    for name, (before, after) in ways.items():
        if before != after:
            return f"demonstrations ({name}={before}, {after})"
    return "demonstrations"


def _explain_prompt(one: Side, other: Side, query_id: str) -> Cause | None:
    hashes = tell(*(side.records[query_id].prompt_sha256[:16] for side in (one, other)))
    unknown = Cause(
        Layer.PROMPT,
        "prompt_sha256",
        *hashes,
        query_id,
        detail="its words or its pictures; the data are gone, so that cannot be told",
    )
    if one.data is None or other.data is None:
        return unknown
    try:
        before = _word(one, one.data, query_id)
        after = _word(other, other.data, query_id)
    except EvalError:
        return unknown
    words = _spell(before, one.data), _spell(after, other.data)
    if words[0] != words[1]:
        common = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*words, strict=False))
        )
        rests = tell(*(text[common:] or "(the end)" for text in words))
        detail = f"the same for {common} letters"
        return Cause(Layer.PROMPT, _name_wording(one, other), *rests, query_id, detail)
    if not (one.data.with_images and other.data.with_images):
        detail = "the words are the same; the pictures are gone, so that none can be named"
        return Cause(Layer.PIXELS, "pictures", *hashes, query_id, detail)
    cause = _explain_pictures(before, after, query_id)
    num_orders = [side.settings.protocol.num_orders for side in (one, other)]
    if cause is None and num_orders[0] != num_orders[1]:
        return None  # the hashes are of all orders; that there are others is told as a setting
    detail = "the pictures are the same now: one has changed since it was answered"
    recorded = Cause(Layer.PIXELS, "a picture", "as recorded", "as recorded", query_id, detail)
    return cause or recorded


def _word(side: Side, data: Data, query_id: str) -> Prompt:
    return put_kept_together(
        data.queries[query_id],
        side.plan[query_id].demonstrations,
        data.asking,
        data.word,
        num_dropped=len(side.records[query_id].dropped),
    )


def _spell(prompt: Prompt, data: Data) -> str:
    """Return a prompt's words; where pictures stand, a letter that no text has."""
    texts = (part.text if isinstance(part, Text) else "\0" for part in prompt)
    return ("<s>" if data.asking.wording.bos else "") + "".join(texts)


def _name_wording(one: Side, other: Side) -> str:
    settings = one.settings.protocol, other.settings.protocol
    if settings[0].name != settings[1].name:
        return f"words (protocol={settings[0].name}, {settings[1].name})"
    return "words"


def _explain_pictures(one: Prompt, other: Prompt, query_id: str) -> Cause | None:
    """Return the first picture that is another; `None` where none is."""
    pictures = [[part for part in prompt if isinstance(part, Image)] for prompt in (one, other)]
    for number, (before, after) in enumerate(zip(*pictures, strict=False), start=1):
        try:
            is_same = before.sha256 == after.sha256
            names = tell(*(f"{each.sha256[:16]} {each}" for each in (before, after)))
        except EvalError as error:
            return Cause(Layer.PIXELS, "a picture", "?", "?", query_id, str(error))
        if not is_same:
            is_last = number == len(pictures[0])
            whose = "the query's picture" if is_last else f"picture {number} of the prompt"
            return Cause(Layer.PIXELS, whose, *names, query_id)
    return None
