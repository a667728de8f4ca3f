"""What the explorer shows of a run, in pieces: an index of all queries, details of each, prompts.

    data/<run>/run.js             what the run is, and how many pieces there are
    data/<run>/index-00000.js     columns over 20,000 queries: to list, search, filter and sort
    data/<run>/details-00000.js   200 queries each: references, raw answer, demonstrations, scores
    data/<run>/prompt.js          prefix and demonstrations in words; a prompt is put together there

The first piece of the index is small, so that the page has something to show at once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.demonstrations.plan import Planned
from evals.pages.loading import LoadedRun, Words
from evals.pages.pieces import batch, name_piece, write_piece
from evals.prompts import put_together
from evals.query_scores import QueryScore
from evals.records import Generated, Record, read_records
from evals.runner import Progress
from evals.runner.requests import WordDemonstration, word_once
from evals.runner.scoring import BREAKDOWN_KEYS
from evals.summary import read_scale
from evals.types import Example, Image, Prompt

NUM_FIRST = 500
NUM_INDEXED = 20_000
NUM_DETAILED = 200
DOMAIN_KEYS = (*BREAKDOWN_KEYS, "domain")
"""What of an example's metadata can be filtered by."""

Thumbnails = Mapping[int, str]
"""`id(image)` -> file name."""


def write_run(run: LoadedRun, thumbnails: Thumbnails, out: Path, progress: Progress) -> None:
    """Write a run's pieces."""
    shown = _Demonstrations(run.words) if run.words else None
    # Records come in any order and grow with shots: only what is shown of them is kept.
    answers = {record.id: _answer(record, shown) for record in read_records(run.run_dir)}
    details = (
        _detail(query, run, answers.get(query.id, {}), shown, thumbnails)
        for query in progress.track(
            run.queries, f"pages of {run.summary.task}", total=len(run.queries)
        )
    )
    for number, rows in enumerate(batch(details, NUM_DETAILED)):
        write_piece(out, run.slug, name_piece("details", number), rows)
    types = _list_types(run)
    pieces = list(_cut_index(run.queries))
    for number, queries in enumerate(pieces):
        write_piece(out, run.slug, name_piece("index", number), _index(queries, run, types))
    write_piece(out, run.slug, "prompt", shown.describe(thumbnails) if shown else None)
    write_piece(out, run.slug, "run", _describe(run, types, num_pieces=len(pieces)))


def describe_runs(runs: Sequence[LoadedRun]) -> list[dict[str, Any]]:
    """Return what the explorer's choice of runs needs."""
    return [
        {
            "slug": run.slug,
            "label": run.label,
            "task": run.summary.task,
            "split": run.summary.split,
            "queries": len(run.queries),
        }
        for run in runs
    ]


def list_pictures(run: LoadedRun, query_ids: Sequence[str]) -> Iterator[Image]:
    """Yield the pictures of some queries and of their demonstrations."""
    if run.words is None:
        return
    asking, plan = run.words.asking, run.words.plan
    for query_id in query_ids:
        example = run.words.examples.get(query_id)
        if example is None:
            continue
        if example.image is not None:
            yield example.image
        if not asking.text_only:
            for planned in plan[query_id].demonstrations:
                image = asking.support[planned.support_id].image
                if image is not None:
                    yield image


class _Demonstrations:
    """A run's demonstrations in words, each once, numbered as they come up."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._word: WordDemonstration = word_once(words.asking)
        self._numbers: dict[Planned, int] = {}

    def number(self, record: Record) -> list[int]:
        """Return the numbers of an answer's demonstrations, in prompt order."""
        planned = {each.support_id: each for each in self._words.plan[record.id].demonstrations}
        return [
            self._numbers.setdefault(planned[support_id], len(self._numbers))
            for support_id in record.demonstrations
        ]

    def word_query(self, example: Example) -> Prompt:
        asking = self._words.asking
        end_of_chunk = asking.protocol.end_of_chunk
        return put_together(asking.wording, (), example, end_of_chunk=end_of_chunk).query

    def describe(self, thumbnails: Thumbnails) -> dict[str, Any]:
        asking = self._words.asking
        return {
            "bos": asking.wording.bos,
            "prefix": asking.wording.prefix,
            "demonstrations": [
                {"id": each.support_id, "words": _segments(self._word(each), thumbnails)}
                for each in self._numbers
            ],
        }


def _segments(prompt: Prompt, thumbnails: Thumbnails) -> list[Any]:
    return [_picture(part, thumbnails) if isinstance(part, Image) else part.text for part in prompt]


def _picture(image: Image, thumbnails: Thumbnails) -> dict[str, str | None]:
    """Return a picture: its file among the pages, if it has one, and its name."""
    name = str(image).replace("\\", "/").rpartition("/")[2]
    return {"file": thumbnails.get(id(image)), "name": name}


def _answer(record: Record, shown: _Demonstrations | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "dropped": len(record.dropped),
        "prompt_tokens": record.num_prompt_tokens,
        "prompt_sha256": record.prompt_sha256,
    }
    if shown is not None:
        values["demonstrations"] = shown.number(record)
    if isinstance(record.response, Generated):
        values["text"] = record.response.text
        values["logprob"] = record.response.logprob
        values["finish"] = record.response.finish_reason
    else:
        values["logprobs"] = record.response.logprobs
    return values


def _detail(
    query: QueryScore,
    run: LoadedRun,
    answer: Mapping[str, Any],
    shown: _Demonstrations | None,
    thumbnails: Thumbnails,
) -> dict[str, Any]:
    example = run.words.examples.get(query.id) if run.words else None
    values = {"scores": query.scores, "probabilities": query.probabilities, **answer}
    if query.choice is not None:
        values |= {"choice": query.choice, "label": query.label}
    if example is not None and shown is not None:
        values["references"] = Counter(example.shown_references).most_common()
        values["words"] = _segments(shown.word_query(example), thumbnails)
        values["metadata"] = dict(example.metadata)
    return values


def _cut_index(queries: Sequence[QueryScore]) -> Iterator[Sequence[QueryScore]]:
    yield queries[:NUM_FIRST]
    yield from batch(queries[NUM_FIRST:], NUM_INDEXED)


def _index(
    queries: Sequence[QueryScore], run: LoadedRun, types: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    examples = [run.words.examples.get(query.id) if run.words else None for query in queries]
    return {
        "ids": [query.id for query in queries],
        "questions": [example.question if example else "" for example in examples],
        "answers": [query.answer for query in queries],
        "expected": [
            _expect(query, example, run) for query, example in zip(queries, examples, strict=True)
        ],
        "scores": {
            name: [query.scores.get(name) for query in queries] for name in _list_scores(run)
        },
        "probabilities": [max(query.probabilities, default=None) for query in queries],
        "types": {
            key: [
                codes.get(example.metadata.get(key, "")) if example else None
                for example in examples
            ]
            for key, codes in types.items()
        },
    }


def _expect(query: QueryScore, example: Example | None, run: LoadedRun) -> str:
    """Return the right answer in few words: the class, else what most people said."""
    if query.label is not None and run.words is not None:
        return run.words.asking.task.choices[query.label]
    if example is None or not example.shown_references:
        return ""
    return Counter(example.shown_references).most_common(1)[0][0]


def _list_scores(run: LoadedRun) -> list[str]:
    return list(dict.fromkeys(name for query in run.queries[:1] for name in query.scores))


def _list_types(run: LoadedRun) -> dict[str, dict[str, int]]:
    """Return key -> value -> its number, of what the data set says of its examples."""
    examples = list(run.words.examples.values()) if run.words else []
    types: dict[str, dict[str, int]] = {}
    for key in DOMAIN_KEYS:
        values = sorted({e.metadata[key] for e in examples if key in e.metadata})
        if values:
            types[key] = {value: number for number, value in enumerate(values)}
    return types


def _describe(
    run: LoadedRun, types: Mapping[str, Mapping[str, int]], *, num_pieces: int
) -> dict[str, Any]:
    task = run.words.asking.task if run.words else None
    names = _list_scores(run)
    scales = {name: read_scale(run.summary.scores.get(name, {})) for name in names}
    headline = run.summary.headline
    return {
        "slug": run.slug,
        "label": run.label,
        "task": run.summary.task,
        "split": run.summary.split,
        "queries": len(run.queries),
        "pieces": num_pieces,
        "first": NUM_FIRST,
        "indexed": NUM_INDEXED,
        "detailed": NUM_DETAILED,
        "scores": names,
        "scales": {
            name: {
                "factor": scale.unit.factor,
                "digits": scale.unit.digits,
                "lower": not scale.higher_is_better,
            }
            for name, scale in scales.items()
        },
        "headline": headline if headline in names else next(iter(names), None),
        "types": {key: list(codes) for key, codes in types.items()},
        "choices": list(task.choices) if task else [],
        "orders": run.words.asking.protocol.num_orders if run.words else 1,
        "note": run.note,
    }
