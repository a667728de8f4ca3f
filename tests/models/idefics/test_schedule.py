"""Who is read when: nobody twice, nobody never, nothing beyond the budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.models.idefics.schedule import Budget, Job, Schedule, limit_rows

BUDGET = Budget(rows=4, cache_tokens=400, pack_tokens=100)


def make_jobs(*lengths: int) -> list[Job]:
    return [Job(index, length) for index, length in enumerate(lengths)]


def test_the_longest_go_first_in_packs_within_the_tokens() -> None:
    schedule = Schedule(make_jobs(10, 60, 50, 40), BUDGET, num_new_tokens=5)
    packs = schedule.admit(4, num_running=0)
    assert [[job.num_tokens for job in pack] for pack in packs] == [[60], [50, 40, 10]]
    assert not schedule


def test_a_batch_has_as_many_slots_as_the_longest_prompt_leaves_room_for() -> None:
    assert Schedule(make_jobs(150, 10, 10), BUDGET, num_new_tokens=5).lay_out().num_slots == 2
    assert Schedule(make_jobs(9, 9, 9, 9, 9), BUDGET, num_new_tokens=5).lay_out().num_slots == 4
    assert Schedule(make_jobs(9, 9), BUDGET, num_new_tokens=5).lay_out().num_slots == 2


def test_beams_take_a_row_each() -> None:
    schedule = Schedule(make_jobs(*[9] * 9), BUDGET, num_new_tokens=5, num_branches=2)
    assert schedule.lay_out().num_slots == 2


def test_one_prompt_fits_however_long() -> None:
    schedule = Schedule(make_jobs(9999), BUDGET, num_new_tokens=5, num_branches=8)
    assert schedule.lay_out().num_slots == 1
    assert schedule.admit(1, num_running=0) == [[Job(0, 9999)]]


def test_nobody_is_admitted_until_half_of_the_slots_are_free() -> None:
    schedule = Schedule(make_jobs(*[9] * 9), BUDGET, num_new_tokens=5)
    assert schedule.admit(1, num_running=3) == []
    assert len(schedule.admit(2, num_running=2)[0]) == 2


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=50),
    st.integers(1, 3),
    st.integers(0, 20),
)
def test_every_job_is_admitted_once_within_the_budget(
    lengths: list[int], num_branches: int, num_new: int
) -> None:
    jobs = make_jobs(*lengths)
    schedule = Schedule(jobs, BUDGET, num_new_tokens=num_new, num_branches=num_branches)
    admitted: list[Job] = []
    while schedule:
        layout = schedule.lay_out()
        if layout.num_slots > 1:
            room = layout.num_tokens + num_branches * num_new
            assert layout.num_slots * room <= BUDGET.cache_tokens
            assert layout.num_slots * num_branches <= BUDGET.rows
        for pack in schedule.admit(layout.num_slots, num_running=0):
            assert len(pack) == 1 or sum(job.num_tokens for job in pack) <= BUDGET.pack_tokens
            assert all(job.num_tokens <= layout.num_tokens for job in pack)
            admitted += pack
    assert sorted(admitted, key=lambda job: job.index) == jobs


def test_jobs_put_back_wait_under_the_smaller_budget() -> None:
    schedule = Schedule(make_jobs(9, 8, 7), BUDGET, num_new_tokens=5)
    [pack] = schedule.admit(2, num_running=0)
    schedule.put_back(pack, BUDGET.halve())
    assert schedule.lay_out().num_slots == 2
    assert [job.num_tokens for pack in schedule.admit(3, num_running=0) for job in pack] == [
        9,
        8,
        7,
    ]


def test_a_budget_is_halved_down_to_one_row() -> None:
    budget = limit_rows(BUDGET, 2).halve()
    assert budget == Budget(rows=1, cache_tokens=200, pack_tokens=50)
    with pytest.raises(ValueError, match="cannot be halved"):
        budget.halve()
    assert limit_rows(BUDGET, None) == BUDGET
