"""Means over parts of a split."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from evals.stats.means import mean_standard_error
from evals.types import Example


class GroupMean(NamedTuple):
    mean: float
    num_examples: int
    standard_error: float | None


def breakdown(
    per_example: Mapping[str, float], examples: Iterable[Example], *, key: str
) -> dict[str, GroupMean]:
    """Return the mean score of each value of `Example.metadata[key]`, values sorted.

    `examples` are those that were scored, or more. This is the official VQA script's
    "perAnswerType" for `key="answer_type"`.

    Raises:
        ValueError: a scored example is not among `examples` or has no such metadata.
    """
    values = {example.id: example.metadata.get(key) for example in examples}
    lost = [example_id for example_id in per_example if values.get(example_id) is None]
    if lost:
        raise ValueError(f"no {key!r} in the metadata of {len(lost)} examples, first {lost[0]!r}")
    groups: dict[str, list[float]] = {}
    for example_id, score in per_example.items():
        groups.setdefault(str(values[example_id]), []).append(score)
    return {
        value: GroupMean(math.fsum(scores) / len(scores), len(scores), mean_standard_error(scores))
        for value, scores in sorted(groups.items())
    }
