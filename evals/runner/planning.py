"""The plan of a run: made by a sampler, or read from a file; written before any answer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.compose import Sampler
from evals.config import Settings
from evals.demonstrations import (
    Plan,
    Ranking,
    balance_labels,
    build_plan,
    draw_support_set,
    fix_order,
    order_randomly,
    read_plan,
    write_plan,
)
from evals.demonstrations.plan import check_plan, choose_by_rule
from evals.demonstrations.rices import rank_by_similarity
from evals.files import sha256_file, sha256_json
from evals.protocols import Protocol
from evals.runner.features import compute_features
from evals.runner.session import Session
from evals.types import Example, Task


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
        """Return the values that identify the plan; of a file, its hash."""
        shared = {"num_demonstrations": self.num_demonstrations, "text_only": self.text_only}
        if self.num_demonstrations == 0:
            return shared
        if self.plan_file:
            return shared | {"file_sha256": sha256_file(self.plan_file)}
        return shared | {
            "sampler": str(self.sampler),
            "seed": self.seed,
            "num_support": self.num_support,
            "answer": self.answer_rule,
            "raw_answers": self.raw_answers,
        }


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
    queries: Sequence[Example],
    support: Sequence[Example],
    session: Session,
    *,
    unreadable: Collection[str] = (),
    anew: bool = False,
) -> Plan:
    """Write the plan of these queries to `path`, or keep the one that is there.

    A plan is a pure function of its header and the queries, so one that has both is the same.

    Args:
        path: where it is kept.
        spec: how it is made.
        queries: all that the run asks.
        support: what demonstrations are drawn from.
        session: of the call.
        unreadable: the ids of queries whose pictures cannot be read. They are not asked, and any
            demonstrations will do.
        anew: make it again: pictures can be read that could not.
    """
    given = read_plan(spec.plan_file) if spec.plan_file else None
    header = _describe(spec, support, session, given)
    if path.is_file() and not anew:
        held = read_plan(path)
        if held.header == header and len(held) == len(queries):
            return held
    if given:
        by_id = {example.id: example for example in support}
        check_plan(given, queries, by_id, num_demonstrations=spec.num_demonstrations)
        taken = (given[query.id].first(spec.num_demonstrations) for query in queries)
        return write_plan(path, taken, header)
    entries = build_plan(
        session.progress.track(queries, "demonstrations", total=len(queries)),
        _rank(spec, queries, support, session, unreadable),
        choose_by_rule(spec.answer_rule, raw_answers=spec.raw_answers, seed=spec.seed),
        num_demonstrations=spec.num_demonstrations,
    )
    return write_plan(path, entries, header)


def _describe(
    spec: PlanSpec, support: Sequence[Example], session: Session, given: Plan | None
) -> dict[str, Any]:
    header = spec.describe()
    if given:
        return header | {"most_similar_last": given.header.get("most_similar_last", False)}
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
