"""The plan of a run: made by a sampler, or read from a file; written before any answer."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.compose import Sampler
from evals.config import Settings
from evals.demonstrations import (
    Plan,
    PlanEntry,
    Ranking,
    balance_labels,
    build_plan,
    draw_support_set,
    fix_order,
    order_randomly,
    read_plan,
    write_plan,
)
from evals.demonstrations.plan import check_plan, choose_by_rule, digest_entries
from evals.demonstrations.rices import rank_by_similarity
from evals.files import sha256_json
from evals.protocols import Protocol
from evals.runner.features import compute_features
from evals.runner.session import Session
from evals.types import Example, ExampleSet, Task


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """Everything that a plan depends on but the data; part of the run's identity."""

    num_demonstrations: int
    text_only: bool
    sampler: Sampler
    seed: int
    num_support: int | None
    answer_rule: str
    raw_answers: bool
    plan_file: Path | None

    @property
    def uses_features(self) -> bool:
        return self.sampler is Sampler.rices and self.plan_file is None

    def describe(self) -> dict[str, Any]:
        """Return the values that identify the plan; of a file, what it shows.

        A setting that is added here is left out where it is at its default: see evals.identity.
        """
        shared = {"num_demonstrations": self.num_demonstrations, "text_only": self.text_only}
        if self.num_demonstrations == 0:
            return shared
        if self.plan_file:
            plan = read_plan(self.plan_file)
            return shared | {
                "entries_sha256": digest_entries(plan, num_demonstrations=self.num_demonstrations),
                "most_similar_last": shows_most_similar_last(plan),
                "raw_answers": self.raw_answers,
            }
        return shared | {
            "sampler": str(self.sampler),
            "seed": self.seed,
            "num_support": self.num_support,
            "answer": self.answer_rule,
            "raw_answers": self.raw_answers,
        }


def shows_most_similar_last(plan: Plan) -> bool:
    """Return whether prompts show a plan's demonstrations in reversed order (RICES)."""
    return bool(plan.header.get("most_similar_last", False))


def specify_plan(
    settings: Settings, task: Task, protocol: Protocol, *, shots: int, seed: int
) -> PlanSpec:
    """Say which plan a run needs.

    Zero shots under a protocol that primes are text-only demonstrations, and where the protocol
    gives every query the same ones (IDEFICS' released code), the sampler is `fixed`.
    """
    num_priming = protocol.num_text_only(task, num_shots=shots)
    fixed_priming = num_priming > 0 and protocol.priming_fixed
    return PlanSpec(
        num_demonstrations=num_priming or shots,
        text_only=num_priming > 0,
        sampler=Sampler.fixed if fixed_priming else settings.sampler,
        seed=seed,
        num_support=settings.num_support,
        answer_rule=str(protocol.answer_rule(task)),
        raw_answers=protocol.raw_answers,
        plan_file=settings.plan,
    )


def make_plan(
    path: Path,
    spec: PlanSpec,
    split: ExampleSet,
    support: Sequence[Example],
    session: Session,
    *,
    wanted: Collection[str],
    unreadable: Collection[str] = (),
    anew: bool = False,
) -> Plan:
    """Write the plan of these queries to `path`, or keep the one that is there and has them.

    A plan is a pure function of its header and the queries, so one that has both is the same. What
    it has of other queries (asked under another limit) stays: their answers refer to it.

    Args:
        path: where it is kept.
        spec: how it is made.
        split: of the queries.
        support: what demonstrations are drawn from.
        session: of the call.
        wanted: the ids of all queries that the run asks or has asked.
        unreadable: the ids of queries whose pictures cannot be read. They are not asked, and any
            demonstrations will do.
        anew: make it again: pictures can be read that could not.
    """
    given = read_plan(spec.plan_file) if spec.plan_file else None
    header = _describe(spec, support, session, given)
    held = read_plan(path) if path.is_file() else None
    if held and held.header != header:
        held = None
    if held and not anew and all(query_id in held for query_id in wanted):
        return held
    planned = [
        query for query in split.examples if query.id in wanted or (held and query.id in held)
    ]
    if given:
        by_id = {example.id: example for example in support}
        check_plan(given, planned, by_id, num_demonstrations=spec.num_demonstrations)
        taken = (given[query.id].first(spec.num_demonstrations) for query in planned)
        return write_plan(path, taken, header)
    kept = None if anew else held
    new = [query for query in planned if kept is None or query.id not in kept]
    entries = build_plan(
        session.progress.track(new, "demonstrations", total=len(new)),
        _rank(spec, planned, support, session, unreadable),
        choose_by_rule(spec.answer_rule, raw_answers=spec.raw_answers, seed=spec.seed),
        num_demonstrations=spec.num_demonstrations,
    )
    return write_plan(path, _merge(planned, kept, entries) if kept else entries, header)


def _merge(
    planned: Sequence[Example], kept: Plan, entries: Iterator[PlanEntry]
) -> Iterator[PlanEntry]:
    """Yield the entries of queries in their order, those that are kept and those that are new."""
    for query in planned:
        yield kept[query.id] if query.id in kept else next(entries)
    yield from entries  # nothing: but whoever counts them learns that they are at an end


def _describe(
    spec: PlanSpec, support: Sequence[Example], session: Session, given: Plan | None
) -> dict[str, Any]:
    header = spec.describe()
    if given:
        return header
    if spec.num_demonstrations:
        header["support_sha256"] = sha256_json(sorted(example.id for example in support))
        header["most_similar_last"] = spec.uses_features
    if spec.uses_features:
        header["features"] = session.model_info.fingerprint
    return header


def _rank(
    spec: PlanSpec,
    queries: Sequence[Example],
    support: Sequence[Example],
    session: Session,
    unreadable: Collection[str],
) -> Ranking:
    if spec.num_demonstrations == 0:
        return lambda query: iter(())
    drawn = draw_support_set(support, num_support=spec.num_support, seed=spec.seed)
    match spec.sampler:
        case Sampler.random:
            return order_randomly(drawn, spec.seed)
        case Sampler.fixed:
            return fix_order(drawn, spec.seed)
        case Sampler.balanced:
            return balance_labels(drawn, spec.seed)
        case Sampler.rices:
            seen = [*drawn, *(query for query in queries if query.id not in unreadable)]
            pictures = [example.image for example in seen if example.image]
            rank = rank_by_similarity(drawn, compute_features(pictures, session))
            return lambda query: iter(drawn) if query.id in unreadable else rank(query)
