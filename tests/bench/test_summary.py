"""The table and the last line: what was wrong stands in both."""

import json
from dataclasses import replace
from typing import Any

import pytest

from evals.bench.cases import Case
from evals.bench.comparison import Comparison, Mismatch
from evals.bench.measure import CaseResult, check_swap
from evals.bench.summary import BenchResult, build_rows, format_json, format_plain
from evals.errors import EvalError

GOOD = CaseResult(
    case=Case("random", 4),
    num_queries=400,
    num_sampled=48,
    engine_seconds=(30.0, 20.0, 25.0),
    transformers_seconds=(12.0, 11.0, 24.0),
    comparison=Comparison(48, (), None),
    engine_peak_bytes=900,
    engine_peak_bytes_alike=600,
    transformers_peak_bytes=1000,
    rate_before=200e9,
    rate_after=190e9,
    prefill_share=0.61,
    picture_swap=1.5,
)


def read(case: CaseResult) -> dict[str, Any]:
    """Return what the JSON line says of a case."""
    line = format_json(BenchResult("bench", {"dtype": "float32"}, (case,)))
    assert "\n" not in line
    values = json.loads(line)
    assert (values["config"], values["dtype"]) == ("bench", "float32")
    (read_back,) = values["cases"]
    return dict(read_back)


def test_speeds_are_of_the_median_round() -> None:
    case = read(GOOD)
    assert case["prompts_per_second"] == 400 / 25
    assert case["transformers_prompts_per_second"] == 48 / 12
    assert case["ratio"] == 4.0
    assert case["peak_memory_ratio"] == 0.6
    assert case["matmul_share"] == 0.61
    assert (case["case"], case["shots"], case["classes"]) == ("random", 4, 0)
    assert case["outputs_equal"] is True
    assert case["matmul_rate_dropped"] is False


def test_mismatches_are_listed_with_their_margins() -> None:
    mismatches = (Mismatch("query1", 0.25), Mismatch("query2", 5e-5), Mismatch("query3", None))
    bad = replace(GOOD, comparison=Comparison(48, mismatches, None))
    case = read(bad)
    assert case["outputs_equal"] is False
    assert case["near_ties"] == 1
    assert case["mismatches"] == [
        {"id": "query1", "margin": 0.25},
        {"id": "query2", "margin": 5e-5},
        {"id": "query3", "margin": None},
    ]
    assert "2 of 48 DIFFER, 1 near ties" in format_plain([bad])


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (Comparison(48, (), None), "equal"),
        (Comparison(2, (), 3e-6), "equal"),
        (Comparison(2, (), 0.02), "DIFFER by 2.0e-02"),
        (Comparison(2, (), float("nan")), "DIFFER by nan"),
        (Comparison(48, (Mismatch("a", 1e-6),), None), "equal, 1 near ties"),
    ],
)
def test_the_table_says_how_outputs_compare(comparison: Comparison, words: str) -> None:
    (row,) = build_rows([replace(GOOD, comparison=comparison)])
    assert words in row


def test_a_number_that_is_none_is_null() -> None:
    bad = replace(GOOD, comparison=Comparison(2, (), float("nan")))
    case = read(bad)
    assert case["max_logprob_difference"] is None
    assert case["outputs_equal"] is False


@pytest.mark.parametrize(("after", "dropped"), [(181e9, False), (179e9, True)])
def test_a_rate_that_falls_by_a_tenth_is_flagged(after: float, dropped: bool) -> None:
    slower = replace(GOOD, rate_after=after)
    case = read(slower)
    assert case["matmul_rate_dropped"] is dropped
    assert ("DROPPED" in format_plain([slower])) is dropped


@pytest.mark.parametrize("swap", [0.1, 0.0, float("nan")])
def test_a_model_that_does_not_look_is_refused(swap: float) -> None:
    check_swap(GOOD)
    with pytest.raises(EvalError, match="equal outputs prove nothing"):
        check_swap(replace(GOOD, picture_swap=swap))
