"""Breakdowns."""

import pytest

from evals.stats import breakdown, group_examples
from evals.types import Example


def _example(example_id: str, answer_type: str) -> Example:
    return Example(example_id, image=None, metadata={"answer_type": answer_type})


def test_a_breakdown_has_the_mean_and_count_of_each_value() -> None:
    examples = [_example("a", "yes/no"), _example("b", "other"), _example("c", "yes/no")]
    groups = breakdown({"a": 1.0, "b": 0.3, "c": 0.0}, group_examples(examples, key="answer_type"))
    assert list(groups) == ["other", "yes/no"]
    assert groups["other"] == (0.3, 1, None)
    assert groups["yes/no"] == (0.5, 2, 0.5)


def test_a_breakdown_may_cover_part_of_the_examples() -> None:
    examples = [_example("a", "yes/no"), _example("b", "other")]
    assert list(breakdown({"b": 1.0}, group_examples(examples, key="answer_type"))) == ["other"]


def test_an_example_without_the_metadata_is_named() -> None:
    with pytest.raises(ValueError, match="'question_type' in the metadata of example 'a'"):
        group_examples([_example("a", "yes/no")], key="question_type")


def test_a_scored_example_in_no_group_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 scored examples are in no group"):
        breakdown({"a": 1.0, "b": 0.0}, {"yes/no": ["a"]})
