"""A case from end to end, both sides in processes of their own."""

import pytest

from evals.bench.cases import Case
from evals.bench.configs import BenchConfig
from evals.bench.measure import run_case
from evals.bench.sides import SideSettings


@pytest.mark.parametrize(
    "case", [pytest.param(Case("random", 1), marks=pytest.mark.slow), Case("classes", 4, 3)]
)
def test_a_case_reports_both_sides_of_every_round(
    case: Case, tiny_config: BenchConfig, settings: SideSettings
) -> None:
    made = run_case(case, tiny_config, settings, rounds=2, num_sampled=5)
    assert (made.num_queries, made.num_sampled) == (12, 5)
    assert (len(made.engine_seconds), len(made.transformers_seconds)) == (2, 2)
    assert made.comparison.is_equal
    assert made.comparison.num_compared == 5
    assert made.picture_swap > 0.1
    assert made.ratio > 0
    # torch alone takes more than this, in either process.
    peaks = (made.engine_peak_bytes, made.engine_peak_bytes_alike, made.transformers_peak_bytes)
    assert min(peaks) > 100 * 2**20
    if case.kind == "random":
        assert made.prefill_share is not None
        assert 0 < made.prefill_share < 1.2
    else:
        assert made.prefill_share is None
        assert made.comparison.max_logprob_difference is not None
