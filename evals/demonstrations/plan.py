"""The plan of a run: query -> demonstrations, made and hashed before the first answer.

One JSON line a query, `{"id": "42", "demonstrations": [["917", 3], ...]}` (support id, index of
the answer that is shown: into the human answers, or into the choices), after a first line that
says how it was made. A file that can be read back, also for another checkpoint.
"""

import hashlib
import json
import operator
import os
import random
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from evals.demonstrations.samplers import Ranking, shows_same_picture
from evals.errors import ConfigError, DataError, list_problems
from evals.types import Example


class Planned(NamedTuple):
    """One demonstration of one query."""

    support_id: str
    answer_index: int


@dataclass(frozen=True, slots=True)
class PlanEntry:
    query_id: str
    demonstrations: tuple[Planned, ...]

    def first(self, num_demonstrations: int) -> "PlanEntry":
        """Return the entry of a run with fewer shots: orders nest."""
        return PlanEntry(self.query_id, self.demonstrations[:num_demonstrations])


AnswerChoice = Callable[[Example], int]
"""Support example -> index of the answer that it shows as a demonstration, before any query."""


def build_plan(
    queries: Iterable[Example],
    ranking: Ranking,
    choose_answer: AnswerChoice,
    *,
    num_demonstrations: int,
) -> Iterator[PlanEntry]:
    """Take the first demonstrations of each query's order that do not show the query's picture.

    Raises:
        ConfigError: a query has too few.
    """
    made: dict[str, Planned] = {}
    """Support id -> how it is shown: whatever the query, with one answer."""

    def show(example: Example) -> Planned:
        if example.id not in made:
            made[example.id] = Planned(example.id, choose_answer(example))
        return made[example.id]

    for query in queries:
        others = (example for example in ranking(query) if not shows_same_picture(example, query))
        chosen = [show(example) for example in islice(others, num_demonstrations)]
        if len(chosen) < num_demonstrations:
            raise ConfigError(
                f"{num_demonstrations} demonstrations are asked for, and query {query.id} has "
                f"only {len(chosen)} support examples with another picture; lower shots or "
                "choose a larger support_split"
            )
        yield PlanEntry(query.id, tuple(chosen))


def choose_by_rule(rule: str, *, raw_answers: bool, seed: int) -> AnswerChoice:
    """Return which answer is shown: of a class its label, else by the protocol's rule.

    Args:
        rule: `most_common` (of equals the one given first), `first`, or `random`.
        raw_answers: count and show answers as people typed them, where the data keep both forms.
        seed: of `random`, which does not look at the query: `fixed` demonstrations stay the same
            text for every query.
    """

    def choose(shown: Example) -> int:
        if shown.label is not None:
            return shown.label
        answers = shown.shown_references if raw_answers else shown.references
        if not answers:
            raise DataError(
                f"support example {shown.id} has no answer to show; choose a support_split "
                "that has answers"
            )
        if rule == "most_common":
            return answers.index(Counter(answers).most_common(1)[0][0])
        if rule == "random":
            generator = random.Random(f"answer {seed} {shown.id}")
            return int(generator.random() * len(answers))
        assert rule == "first", rule
        return 0

    return choose


def write_plan(path: Path, entries: Iterable[PlanEntry], header: Mapping[str, Any]) -> "Plan":
    """Stream a plan to a file, whole or not at all, and open it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    index = _Index()
    try:
        with temporary.open("wb") as file:
            file.write(index.add_line(_to_line({"plan": header})))
            for entry in entries:
                # Named tuples are written as lists.
                line = _to_line({"id": entry.query_id, "demonstrations": entry.demonstrations})
                index.add(entry)
                file.write(index.add_line(line))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # As it would be read: tuples are lists.
    return Plan(path, json.loads(json.dumps(header)), index)


@dataclass(slots=True)
class _Index:
    """What is known of a plan's lines, put together as they are written or read."""

    offsets: dict[str, int] = field(default_factory=dict)
    """Query id -> where its line begins."""
    support_ids: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)
    position: int = 0

    def add(self, entry: PlanEntry) -> None:
        """Note the entry of the line that is added next."""
        self.offsets[entry.query_id] = self.position
        self.support_ids.update([planned.support_id for planned in entry.demonstrations])

    def add_line(self, line: bytes) -> bytes:
        self.digest.update(line)
        self.position += len(line)
        return line


class Plan:
    """A plan file, read entry by entry: memory does not grow with shots."""

    def __init__(self, path: Path, header: Mapping[str, Any], index: _Index) -> None:
        self.path = path
        self.header = header
        """How it was made: sampler, seed, support set, what the similarity was computed with."""
        self.sha256: str = index.digest.hexdigest()
        self.support_ids: Set[str] = index.support_ids
        """Every example that any query is shown."""
        self._offsets = index.offsets
        self._file = path.open("rb")
        weakref.finalize(self, self._file.close)

    def __contains__(self, query_id: str) -> bool:
        return query_id in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, query_id: str) -> PlanEntry:
        """Read a query's entry.

        Raises:
            DataError: there is none.
        """
        if query_id not in self._offsets:
            raise DataError(f"plan {self.path} has no entry for query {query_id!r:.100}")
        self._file.seek(self._offsets[query_id])
        return _parse_entry(json.loads(self._file.readline().decode()))

    def entries(self) -> Iterator[PlanEntry]:
        """Read all entries in file order."""
        return map(self.__getitem__, self._offsets)


def read_plan(path: Path) -> Plan:
    """Open a plan file.

    Raises:
        DataError: it is missing or empty, or a line is malformed (all such lines are listed).
    """
    index = _Index()
    problems: list[str] = []
    header: Mapping[str, Any] = {}
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"plan {path} cannot be read: {error.strerror}") from error
    with file:
        for number, line in enumerate(file, start=1):
            try:
                value = json.loads(line.decode("utf-8-sig"))
                if number == 1:
                    header = dict(value["plan"])
                elif (entry := _parse_entry(value)).query_id in index.offsets:
                    problems.append(f"line {number}: query {entry.query_id} a second time")
                else:
                    index.add(entry)
            except (ValueError, KeyError, TypeError, RecursionError):
                problems.append(f"line {number}: not a plan's line: {line[:80]!r}")
            index.add_line(line)
    if not index.position:
        problems.append("it is empty")
    if problems:
        raise DataError(f"plan {path}:\n{list_problems(problems)}")
    return Plan(path, header, index)


def hash_plan(path: Path, query_ids: Sequence[str]) -> str:
    """Return a sha256 over a plan's header and the entries of some queries, in their order.

    A folder's plan may hold more queries than a run with a smaller limit asks. Of a plan with just
    these, it is the sha256 of the file.

    Raises:
        DataError: a query has no entry.
    """
    whole, num_lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        for line in file:
            whole.update(line)
            num_lines += 1
    if num_lines == 1 + len(query_ids):
        return whole.hexdigest()
    plan = read_plan(path)
    digest = hashlib.sha256(_to_line({"plan": plan.header}))
    for query_id in query_ids:
        entry = plan[query_id]
        digest.update(_to_line({"id": entry.query_id, "demonstrations": entry.demonstrations}))
    return digest.hexdigest()


def digest_entries(plan: Plan, *, num_demonstrations: int) -> str:
    """Return a sha256 over what a plan shows, whatever made it: entries cut, in order of id."""
    digest = hashlib.sha256()
    for entry in sorted(
        (entry.first(num_demonstrations) for entry in plan.entries()),
        key=lambda entry: entry.query_id,
    ):
        digest.update(_to_line({"id": entry.query_id, "demonstrations": entry.demonstrations}))
    return digest.hexdigest()


def check_plan(
    plan: Plan,
    queries: Sequence[Example],
    support: Mapping[str, Example],
    *,
    num_demonstrations: int,
) -> None:
    """Check that a plan made elsewhere serves these queries.

    Raises:
        DataError: it lacks a query, has too few demonstrations, names a support example or an
            answer that does not exist, or shows a query its own picture; all such places are
            listed.
    """
    labels = {example.label for example in support.values()}
    problems: list[str] = []
    for query in queries:
        if query.id not in plan:
            problems.append(f"query {query.id} is not in it")
            continue
        shown = plan[query.id].first(num_demonstrations).demonstrations
        if len(shown) < num_demonstrations:
            problems.append(
                f"query {query.id}: {len(shown)} demonstrations, {num_demonstrations} needed"
            )
        for planned in shown:
            if fault := _find_fault(planned, query, support.get(planned.support_id), labels):
                problems.append(f"query {query.id}: support example {planned.support_id} {fault}")
    if problems:
        raise DataError(f"plan {plan.path} does not fit:\n{list_problems(problems)}")


def _find_fault(
    planned: Planned, query: Example, shown: Example | None, labels: Collection[int | None]
) -> str:
    """Return why a demonstration cannot be shown; empty where it can."""
    if shown is None:
        return "is not in the support split"
    answers = range(len(shown.references)) if shown.label is None else labels
    if planned.answer_index not in answers:
        return f"has no answer {planned.answer_index}"
    return "shows the query's own picture" if shows_same_picture(shown, query) else ""


def _to_line(value: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(value).encode("utf-8") + b"\n"


_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False)
"""Made once: `json.dumps` makes one for every line."""


def _parse_entry(value: Mapping[str, Any]) -> PlanEntry:
    shown = [
        Planned(str(support), operator.index(index)) for support, index in value["demonstrations"]
    ]
    return PlanEntry(str(value["id"]), tuple(shown))
