"""Which runs share a table's block, and what the block is called."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.summary import RunSummary


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs of one model in one setting; they differ in task, shots and seed."""

    label: str
    runs: tuple[RunSummary, ...]


@dataclass(frozen=True, slots=True)
class _Setting:
    """What runs must share to stand in one block, as a label says it."""

    model: str
    checkpoint: str
    dtype: str
    protocol: str
    changes: str
    sampler: str
    support: str


def group_runs(runs: Sequence[RunSummary]) -> tuple[RunGroup, ...]:
    """Group runs by all that a block's rows and columns do not say, in order of appearance.

    A zero-shot run that the sampler had no part in stands in every block of its model and
    protocol. A label names model and protocol, and what else tells the blocks apart.
    """
    sampled = dict.fromkeys(_describe(run) for run in runs if not _is_unsampled(run))
    groups: dict[_Setting, list[RunSummary]] = defaultdict(list)
    for run in runs:
        own = _describe(run)
        fitting = [setting for setting in sampled if _is_alike(setting, own)]
        for setting in (fitting or [own]) if _is_unsampled(run) else [own]:
            groups[setting].append(run)
    varying = [
        name
        for name in ("checkpoint", "dtype", "support")
        if len({getattr(setting, name) for setting in groups}) > 1
    ]
    return tuple(
        RunGroup(_label(setting, varying, members), tuple(members))
        for setting, members in groups.items()
    )


def count_seeds(runs: Sequence[RunSummary]) -> str:
    """Return in words how many seeds the runs' cells have; empty where each has one."""
    seeds: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    for run in runs:
        seeds[run.task, run.split, run.shots].add(run.seed)
    counts = sorted({len(each) for each in seeds.values()})
    if counts == [1]:
        return ""
    return f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else f"{counts[0]} seeds"


def _is_unsampled(run: RunSummary) -> bool:
    """Whether `demonstrations.sampler` played no part: no demonstrations, or fixed priming."""
    return run.shots == 0 and (not run.support_split or run.sampler == "fixed")


def _is_alike(one: _Setting, other: _Setting) -> bool:
    names = ("model", "checkpoint", "dtype", "protocol", "changes")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _describe(run: RunSummary) -> _Setting:
    model: Mapping[str, Any] = run.answered.get("model", {})
    sampler = "" if run.sampler == "random" or _is_unsampled(run) else run.sampler
    return _Setting(
        model=run.model,
        checkpoint=f"checkpoint {str(model.get('fingerprint', 'unknown'))[:8]}",
        dtype=str(model.get("dtype", "")),
        protocol=run.protocol,
        changes=f"changed {', '.join(run.protocol_changes)}" if run.protocol_changes else "",
        sampler=sampler,
        support=f"support set of {'all' if run.num_support is None else run.num_support}",
    )


def _label(setting: _Setting, varying: Sequence[str], members: Sequence[RunSummary]) -> str:
    details = [
        setting.protocol,
        setting.changes,
        setting.sampler,
        *(getattr(setting, name) for name in varying),
        count_seeds(members),
    ]
    return f"{setting.model} ({', '.join(detail for detail in details if detail)})"
