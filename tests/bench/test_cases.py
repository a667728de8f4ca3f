"""Names of cases, and how much of each transformers answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.bench.cases import BATCH_SIZE, Case, parse_cases
from evals.bench.configs import CONFIGS
from evals.errors import ConfigError

CASES = st.one_of(
    st.builds(Case, st.sampled_from(["random", "fixed", "beams"]), st.integers(0, 64)),
    st.builds(Case, st.just("classes"), st.just(4), st.integers(2, 100)),
)


@given(CASES)
def test_a_name_says_all_of_its_case(case: Case) -> None:
    assert parse_cases([case.name]) == (case,)


def test_a_case_named_twice_is_run_once() -> None:
    assert parse_cases(["random-4", " random-4 ", "beams-4"]) == (
        Case("random", 4),
        Case("beams", 4),
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random", "write KIND-NUMBER"),
        ("shuffled-4", "random, fixed, beams, classes"),
        ("random-4.5", "is no case"),
        ("", "is no case"),
        ("classes-1", "from 2 to 100"),
        ("classes-101", "from 2 to 100"),
        ("fixed-65", "at most 64 shots"),
    ],
)
def test_what_is_no_case_is_told(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_cases([name])


@given(CASES, st.integers(1, 4096), st.integers(1, 1000))
def test_samples_fill_batches_and_never_exceed_the_queries(
    case: Case, sample_images: int, num_queries: int
) -> None:
    size = case.sample_size(sample_images=sample_images, num_queries=num_queries)
    assert 1 <= size <= num_queries
    if not case.classes and size < num_queries:
        assert size % BATCH_SIZE == 0
    if case.classes and num_queries > 1:
        assert size >= 2


def test_the_bench_has_the_cases_of_its_table() -> None:
    assert [case.name for case in CONFIGS["bench"].cases] == [
        *(f"random-{shots}" for shots in (0, 4, 8, 16, 32)),
        *("fixed-32", "beams-4", "classes-2", "classes-100"),
    ]
    kinds = {case.kind for case in CONFIGS["quick"].cases}
    assert kinds == {"random", "fixed", "classes"}  # with beams it would take over a minute
