"""queries.jsonl: what each query scored, so that runs are compared without data or model.

One JSON line a query, in the order of the split:
`{"id": "42", "picture": "9", "answer": "red", "scores": {"official": 0.9}}`, of a closed set with
`label`, `choice` and `probabilities` as well, of a query that could not be asked with `failed`.
A score that is not in points or of which less is better is named in `scales`:
`"scales": {"rank": {"unit": "plain", "higher_is_better": false}}`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evals.errors import ResultsError
from evals.files import write_lines
from evals.stats import roc_auc_parts
from evals.types import Scale, Unit

QUERIES = "queries.jsonl"


@dataclass(frozen=True, slots=True)
class QueryScore:
    id: str
    picture: str
    """Queries on one picture are not independent draws."""
    answer: str
    """After the protocol's truncation."""
    scores: Mapping[str, float]
    """Of those scores that have a value for each query."""
    label: int | None = None
    choice: int | None = None
    probabilities: tuple[float, ...] = ()
    """The last three of closed sets only."""
    failed: bool = False
    """It was not answered: its picture cannot be read."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """Of those scores that are not in points with higher better, so that a line can be read alone;
    the run's summary has them of all scores."""

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {"id": self.id, "picture": self.picture, "answer": self.answer}
        if self.choice is not None:
            values["label"] = self.label
            values["choice"] = self.choice
            values["probabilities"] = self.probabilities
        if self.failed:
            values["failed"] = True
        values["scores"] = self.scores
        if self.scales:
            values["scales"] = {name: asdict(scale) for name, scale in self.scales.items()}
        return values


AREAS: Mapping[str, Callable[[QueryScore], float]] = {
    "roc_auc": lambda query: query.probabilities[1],
    "roc_auc_hard_labels": lambda query: 0.5 if query.failed else float(query.choice or 0),
}
"""Score name -> what ranks a query; the others are means of what the queries scored."""


def list_parts(name: str, queries: Sequence[QueryScore]) -> list[float] | None:
    """Return a number for each query whose mean is the score.

    `None` where there is none: of scores of the whole (BLEU) and scores that were not computed.
    METEOR's mean is near its corpus score and not the same.
    """
    if name not in AREAS:
        parts = [query.scores[name] for query in queries if name in query.scores]
        return parts if parts and len(parts) == len(queries) else None
    labels = [query.label for query in queries]
    if set(labels) != {0, 1} or not all(query.probabilities for query in queries):
        return None
    return roc_auc_parts([label or 0 for label in labels], [AREAS[name](q) for q in queries])


def write_query_scores(run_dir: Path, queries: Iterable[QueryScore]) -> None:
    write_lines(run_dir / QUERIES, (query.to_json() for query in queries))


def read_query_scores(run_dir: Path) -> Iterator[QueryScore]:
    """Read what a run's queries scored.

    Raises:
        ResultsError: the file is missing or a line is none of ours.
    """
    path = run_dir / QUERIES
    way_out = f"`evals score {run_dir}` makes it"
    if not path.is_file():
        raise ResultsError(f"{run_dir} has no {QUERIES}; {way_out}")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield parse_query_score(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise ResultsError(
                    f"{path} line {number} is not a query's ({error!r:.300}); {way_out} again"
                ) from error


def parse_query_score(values: Mapping[str, Any]) -> QueryScore:
    """Return what `to_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it is not that.
    """
    return QueryScore(
        id=values["id"],
        picture=values["picture"],
        answer=values["answer"],
        scores={name: float(value) for name, value in values["scores"].items()},
        label=values.get("label"),
        choice=values.get("choice"),
        probabilities=tuple(values.get("probabilities", ())),
        failed=bool(values.get("failed", False)),
        scales={
            name: Scale(Unit(scale["unit"]), bool(scale["higher_is_better"]))
            for name, scale in values.get("scales", {}).items()
        },
    )
