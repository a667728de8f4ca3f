"""Which prompts share which prefix."""

from hypothesis import given
from hypothesis import strategies as st

from evals.models.idefics.sharing import MIN_SHARERS, find_shared_prefixes

DEMONSTRATIONS = list(range(100))


def with_query(shown: list[int], query: int) -> list[int]:
    return [*shown, 1000 + query, 7, 8, 9]


def test_fixed_demonstrations_are_found_up_to_where_the_queries_differ() -> None:
    prompts = [with_query(DEMONSTRATIONS, query) for query in range(20)]
    [sharing] = find_shared_prefixes(prompts)
    assert sharing.num_tokens == 100
    assert sharing.members == tuple(range(20))


def test_pictures_count_as_themselves_though_their_token_is_one() -> None:
    prompts = [["<s>", "fake", f"picture {index % 2}", *"abcdefgh", index] for index in range(40)]
    sharings = find_shared_prefixes(prompts)
    assert sorted(sharing.num_tokens for sharing in sharings) == [11, 11]
    for sharing in sharings:
        assert len({index % 2 for index in sharing.members}) == 1


def test_two_sets_of_demonstrations_make_two_groups_and_strangers_one() -> None:
    other = [each + 500 for each in DEMONSTRATIONS]
    prompts = [with_query(DEMONSTRATIONS, query) for query in range(10)]
    prompts += [with_query(other, query) for query in range(10)]
    prompts += [[5000 + 100 * query + place for place in range(100)] for query in range(3)]
    found = find_shared_prefixes(prompts)
    assert [sharing.num_tokens for sharing in found[:-1]] == [100, 100]
    assert found[-1].num_tokens == 0
    assert found[-1].members == (20, 21, 22)


def test_a_short_instruction_before_long_prompts_is_not_worth_it() -> None:
    prompts = [[1, 2, 3, *range(1000 * query, 1000 * query + 200)] for query in range(1, 20)]
    [sharing] = find_shared_prefixes(prompts)
    assert sharing.num_tokens == 0


def test_few_prompts_share_nothing() -> None:
    prompts = [with_query(DEMONSTRATIONS, query) for query in range(MIN_SHARERS - 1)]
    assert [sharing.num_tokens for sharing in find_shared_prefixes(prompts)] == [0]


def test_equal_prompts_leave_their_last_token_to_each() -> None:
    [sharing] = find_shared_prefixes([DEMONSTRATIONS] * 9)
    assert sharing.num_tokens == 99


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=60))
def test_every_prompt_is_in_one_group_whose_prefix_it_has(prompts: list[list[int]]) -> None:
    sharings = find_shared_prefixes(prompts)
    members = [member for sharing in sharings for member in sharing.members]
    assert sorted(members) == list(range(len(prompts)))
    for sharing in sharings:
        prefixes = {tuple(prompts[member][: sharing.num_tokens]) for member in sharing.members}
        assert len(prefixes) == 1
        assert all(len(prompts[member]) > sharing.num_tokens for member in sharing.members)
