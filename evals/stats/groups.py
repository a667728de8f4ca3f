"""Means over parts of a split."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from evals.stats.means import mean_standard_error
from evals.types import Example


class GroupMean(NamedTuple):
    mean: float
    num_examples: int
    standard_error: float | None


def group_examples(examples: Iterable[Example], *, key: str) -> dict[str, list[str]]:
    """Return the ids of the examples with each value of `Example.metadata[key]`, values sorted.

    Raises:
        ValueError: an example has no such metadata.
    """
    groups: dict[str, list[str]] = {}
    for example in examples:
        value = example.metadata.get(key)
        if value is None:
            raise ValueError(f"no {key!r} in the metadata of example {example.id!r}")
        groups.setdefault(value, []).append(example.id)
    return dict(sorted(groups.items()))


def breakdown(
    per_example: Mapping[str, float], groups: Mapping[str, Sequence[str]]
) -> dict[str, GroupMean]:
    """Return the mean score of each group of examples that has a scored one.

    Of `group_examples(examples, key="answer_type")` it is the official VQA script's
    "perAnswerType".

    Raises:
        ValueError: a scored example is in no group.
    """
    means = {}
    num_found = 0
    for value, ids in groups.items():
        scores = [per_example[example_id] for example_id in ids if example_id in per_example]
        num_found += len(scores)
        if scores:
            mean = math.fsum(scores) / len(scores)
            means[value] = GroupMean(mean, len(scores), mean_standard_error(scores))
    if num_found < len(per_example):
        raise ValueError(f"{len(per_example) - num_found} scored examples are in no group")
    return means
