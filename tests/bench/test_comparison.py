"""What counts as equal: nothing is dropped, and only float noise is excused."""

from collections.abc import Sequence

import pytest

from evals.bench.comparison import (
    Comparison,
    Margin,
    Mismatch,
    compare_outputs,
    merge_comparisons,
)
from evals.bench.sides import Outputs

NAN = float("nan")


def answers(**tokens: tuple[int, ...]) -> Outputs:
    return Outputs(tokens, {})


def scores(**logprobs: tuple[float, ...]) -> Outputs:
    return Outputs({}, logprobs)


def margin_of(value: float | None) -> Margin:
    def margin(request_id: str, one: Sequence[int], other: Sequence[int]) -> float | None:
        assert tuple(one) != tuple(other)
        return value

    return margin


def test_equal_answers_are_equal_and_no_margin_is_asked_for() -> None:
    ours = answers(a=(1, 2), b=(3,), c=(9,))  # the engine answers more than the sample
    made = compare_outputs(ours, answers(a=(1, 2), b=(3,)), margin=margin_of(1.0))
    assert made == Comparison(2, (), None)
    assert made.is_equal


@pytest.mark.parametrize(
    ("margin", "near_ties", "equal"),
    [(0.5, 0, False), (1e-4, 0, False), (9e-5, 1, True), (None, 0, False), (NAN, 0, False)],
)
def test_a_mismatch_is_excused_by_a_near_tie_only(
    margin: float | None, near_ties: int, equal: bool
) -> None:
    made = compare_outputs(
        answers(a=(1, 2), b=(3, 4)),
        answers(a=(1, 2), b=(3, 5)),
        margin=margin_of(margin),
    )
    assert [mismatch.request_id for mismatch in made.mismatches] == ["b"]
    assert (made.num_near_ties, made.is_equal) == (near_ties, equal)


@pytest.mark.parametrize(
    ("theirs", "equal"), [(-2.00009, True), (-2.0002, False), (NAN, False), (float("inf"), False)]
)
def test_log_likelihoods_agree_within_a_ten_thousandth(theirs: float, equal: bool) -> None:
    made = compare_outputs(
        scores(a=(-1.0, -2.0, -3.0)),
        scores(a=(-1.0, theirs, -3.00001)),
        margin=margin_of(None),
    )
    assert made.is_equal is equal


def test_an_unanswered_request_and_a_lost_class_are_errors() -> None:
    with pytest.raises(KeyError):
        compare_outputs(answers(), answers(a=(1,)), margin=margin_of(0.0))
    with pytest.raises(ValueError, match="zip"):
        compare_outputs(scores(a=(-1.0,)), scores(a=(-1.0, -2.0)), margin=margin_of(0.0))


def test_what_differs_in_one_round_differs() -> None:
    good = Comparison(8, (), 1e-6)
    bad = Comparison(8, (Mismatch("a", 1e-5), Mismatch("b", 0.3)), 2e-6)
    worse = Comparison(8, (Mismatch("a", None),), NAN)
    merged = merge_comparisons([good, bad, worse])
    assert merged.mismatches == (Mismatch("a", None), Mismatch("b", 0.3))
    assert merged.num_compared == 8
    assert merged.max_logprob_difference != merged.max_logprob_difference
    assert not merged.is_equal
    assert merge_comparisons([good, good]).is_equal
