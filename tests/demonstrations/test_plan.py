"""Plans: what a query shows depends on seed, query and support set only, and survives a file."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImages

from evals.demonstrations import (
    Plan,
    PlanEntry,
    Ranking,
    balance_labels,
    build_plan,
    draw_support_set,
    fix_order,
    order_randomly,
    read_plan,
    write_plan,
)
from evals.demonstrations.plan import Planned, check_plan, choose_by_rule
from evals.demonstrations.rices import rank_by_similarity
from evals.errors import ConfigError, DataError
from evals.types import Example, Image

SEED = 42


def rices(support: Sequence[Example], seed: int) -> Ranking:
    """Similarities drawn from the pictures' names: any fixed feature will do."""

    def feature(name: str) -> np.ndarray:
        vector = np.random.default_rng(int(Image(name.encode()).sha256[:8], 16)).normal(size=8)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    names = [f"picture {n}" for n in range(40)]
    return rank_by_similarity(
        support, {Image(name.encode()).sha256: feature(name) for name in names}
    )


SAMPLERS: tuple[Callable[[Sequence[Example], int], Ranking], ...] = (
    order_randomly,
    fix_order,
    balance_labels,
    rices,
)
ANSWER = choose_by_rule("random", raw_answers=True, seed=SEED)


def example(example_id: str, picture: int) -> Example:
    return Example(example_id, Image(f"picture {picture}".encode()), label=picture % 2)


def plan_of(
    queries: Sequence[Example],
    support_file: Sequence[Example],
    *,
    sampler: Callable[[Sequence[Example], int], Ranking],
    shots: int,
) -> dict[str, PlanEntry]:
    support = draw_support_set(support_file, num_support=25, seed=SEED)
    entries = build_plan(queries, sampler(support, SEED), ANSWER, num_demonstrations=shots)
    return {entry.query_id: entry for entry in entries}


# Thirty support examples on twenty pictures, of which queries show some, too.
SUPPORT = tuple(example(f"s{n}", n % 20) for n in range(30))
QUERIES = tuple(example(f"q{n}", n + 15) for n in range(10))


@pytest.mark.parametrize("sampler", SAMPLERS)
@given(st.permutations(QUERIES), st.integers(1, 10), st.permutations(SUPPORT), st.integers(0, 8))
def test_a_plan_ignores_limit_order_of_queries_and_order_of_the_support_file(
    sampler: Callable[[Sequence[Example], int], Ranking],
    queries: list[Example],
    limit: int,
    support: list[Example],
    shots: int,
) -> None:
    whole = plan_of(QUERIES, SUPPORT, sampler=sampler, shots=shots)
    part = plan_of(queries[:limit], support, sampler=sampler, shots=shots)
    assert part == {query.id: whole[query.id] for query in queries[:limit]}


@pytest.mark.parametrize("sampler", SAMPLERS)
@given(st.integers(0, 16), st.integers(0, 16))
def test_shots_nest(
    sampler: Callable[[Sequence[Example], int], Ranking], fewer: int, more: int
) -> None:
    fewer, more = sorted((fewer, more))
    small = plan_of(QUERIES, SUPPORT, sampler=sampler, shots=fewer)
    large = plan_of(QUERIES, SUPPORT, sampler=sampler, shots=more)
    for query in QUERIES:
        assert len(small[query.id].demonstrations) == fewer
        assert large[query.id].first(fewer) == small[query.id]


@pytest.mark.parametrize("limit", [1, 10, 25])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_written_plan_of_a_limit_is_the_beginning_of_that_of_all(
    sampler: Callable[[Sequence[Example], int], Ranking], limit: int, tmp_path: Path
) -> None:
    queries = [example(f"q{n}", n) for n in range(25)]
    whole, part = (
        write_plan(
            tmp_path / f"{len(asked)}.jsonl",
            plan_of(asked, SUPPORT, sampler=sampler, shots=4).values(),
            {"seed": SEED},
        )
        for asked in (queries, queries[:limit])
    )
    assert whole.path.read_bytes().startswith(part.path.read_bytes())
    assert [entry.query_id for entry in part.entries()] == [query.id for query in queries[:limit]]


@pytest.mark.parametrize("shots", [1, 4, 8])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_written_plan_begins_as_that_of_twice_as_many_shots(
    sampler: Callable[[Sequence[Example], int], Ranking], shots: int, tmp_path: Path
) -> None:
    small, large = (
        write_plan(
            tmp_path / f"{number}.jsonl",
            plan_of(QUERIES, SUPPORT, sampler=sampler, shots=number).values(),
            {},
        )
        for number in (shots, 2 * shots)
    )
    assert [entry.first(shots) for entry in large.entries()] == list(small.entries())


@pytest.mark.parametrize("sampler", SAMPLERS)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(0, 5))
def test_no_demonstration_shows_the_querys_picture_and_all_others_can(
    sampler: Callable[[Sequence[Example], int], Ranking], pictures: list[int], own: int
) -> None:
    support = [example(f"s{n}", picture) for n, picture in enumerate(pictures)]
    others = {f"s{n}" for n, picture in enumerate(pictures) if picture != own}
    ranking = sampler(draw_support_set(support, num_support=None, seed=SEED), SEED)
    query = example("q", own)
    (entry,) = build_plan([query], ranking, ANSWER, num_demonstrations=len(others))
    assert {planned.support_id for planned in entry.demonstrations} == others
    with pytest.raises(ConfigError, match=f"query q has only {len(others)} support examples"):
        list(build_plan([query], ranking, ANSWER, num_demonstrations=len(others) + 1))


def test_the_same_picture_is_known_as_object_path_bytes_and_pil_image(tmp_path: Path) -> None:
    """A support split holds it under another name, or a hub data set as bytes."""
    file, copy, other = (tmp_path / name for name in ("a.png", "copy.png", "other.png"))
    PilImages.new("RGB", (2, 2), "red").save(file)
    copy.write_bytes(file.read_bytes())
    PilImages.new("RGB", (2, 2), "blue").save(other)
    shared = Image(file)
    same = [shared, Image(file, "renamed"), Image(copy), Image(file.read_bytes())]
    same.append(Image(file.read_bytes))
    support = [Example(str(n), image) for n, image in enumerate([*same, Image(other)])]
    (entry,) = build_plan(
        [Example("q", shared)], lambda query: iter(support), lambda shown: 0, num_demonstrations=1
    )
    assert entry.demonstrations == (Planned("5", 0),)


def test_examples_loaded_without_pictures_are_planned() -> None:
    support = [Example("s", None, references=("a",))]
    (entry,) = build_plan(
        [Example("q", None)], lambda query: iter(support), ANSWER, num_demonstrations=1
    )
    assert entry == PlanEntry("q", (Planned("s", 0),))


def test_a_shortage_says_how_many_there_are_and_what_to_do() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^9 demonstrations are asked for, and query q0 has only 2 support examples with "
        r"another picture; lower shots or choose a larger support_split$",
    ):
        plan_of(QUERIES, SUPPORT[:2], sampler=order_randomly, shots=9)


# ------------------------------------------------------------------------- the shown answer


@pytest.mark.parametrize(
    ("rule", "raw_answers", "shown"),
    [
        ("most_common", True, "riding"),
        ("most_common", False, "ride"),
        ("first", True, "rides"),
        ("first", False, "ride"),
    ],
)
def test_the_shown_answer_follows_the_protocols_rule(
    rule: str, raw_answers: bool, shown: str
) -> None:
    raw = ("rides", "riding", "riding", "walk")
    asked = Example("1", None, references=("ride", "ride", "ride", "walk"), raw_references=raw)
    index = choose_by_rule(rule, raw_answers=raw_answers, seed=0)(asked)
    assert (raw if raw_answers else asked.references)[index] == shown


def test_of_equally_common_answers_the_one_given_first_is_shown() -> None:
    choose = choose_by_rule("most_common", raw_answers=True, seed=0)
    assert choose(Example("1", None, references=("c", "b", "a", "b", "a"))) == 1


def test_a_random_answer_depends_on_seed_and_example_and_favours_none() -> None:
    captions = ("a", "b", "c", "d", "e")
    drawn = Counter(
        choose_by_rule("random", raw_answers=True, seed=seed)(
            Example(str(number), None, references=captions)
        )
        for seed in range(10)
        for number in range(500)
    )
    # Binomial(5000, 1/5) has a standard deviation of 28.3; six of them are passed with
    # probability 2e-9 a cell.
    assert set(drawn) == set(range(5))
    assert all(abs(count - 1000) < 6 * 28.3 for count in drawn.values()), drawn


def test_fixed_demonstrations_are_the_same_text_for_every_query() -> None:
    """Their answers once were drawn for each query anew."""
    support = [Example(str(n), None, references=("a", "b", "c", "d", "e")) for n in range(9)]
    queries = [Example(f"q{n}", None) for n in range(20)]
    entries = build_plan(queries, fix_order(support, SEED), ANSWER, num_demonstrations=4)
    assert len({entry.demonstrations for entry in entries}) == 1


def test_a_class_shows_its_label_and_no_answer_is_an_error() -> None:
    assert ANSWER(Example("1", None, label=1)) == 1
    with pytest.raises(DataError, match=r"support example 2 has no answer to show; choose a supp"):
        ANSWER(Example("2", None))


# ------------------------------------------------------------------------- the plan's file

ENTRIES = st.lists(
    st.builds(
        PlanEntry,
        st.text(max_size=6),
        st.lists(st.builds(Planned, st.text(max_size=6), st.integers(0, 9)), max_size=4).map(tuple),
    ),
    unique_by=lambda entry: entry.query_id,
    max_size=6,
)


@given(ENTRIES, st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2))
def test_a_plan_comes_back_from_its_file(
    entries: list[PlanEntry], header: Mapping[str, str]
) -> None:
    with TemporaryDirectory() as folder:
        written = write_plan(Path(folder) / "new" / "plan.jsonl", entries, header)
        plan = read_plan(written.path)
        assert list(plan.entries()) == entries
        assert all(plan[entry.query_id] == entry for entry in reversed(entries))
        assert all(entry.query_id in plan for entry in entries)
        assert (len(plan), plan.header, plan.sha256) == (len(entries), header, written.sha256)
        assert [path.name for path in written.path.parent.iterdir()] == ["plan.jsonl"]


def test_a_plans_hash_is_that_of_its_content(tmp_path: Path) -> None:
    entries = [PlanEntry("1", (Planned("2", 0),))]
    plan = write_plan(tmp_path / "a", entries, {"seed": 0})
    same = write_plan(tmp_path / "b", entries, {"seed": 0})
    other_header = write_plan(tmp_path / "c", entries, {"seed": 1})
    other_entry = write_plan(tmp_path / "d", [PlanEntry("1", (Planned("2", 1),))], {"seed": 0})
    assert plan.sha256 == same.sha256 == Image(tmp_path / "a").sha256
    assert len({plan.sha256, other_header.sha256, other_entry.sha256}) == 3


def test_a_plan_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, [PlanEntry("old", ())], {})

    def fail() -> Iterator[PlanEntry]:
        yield PlanEntry("new", ())
        raise ConfigError("too few")

    with pytest.raises(ConfigError, match="too few"):
        write_plan(path, fail(), {})
    assert "old" in read_plan(path)
    assert list(tmp_path.iterdir()) == [path]


GOOD = [
    '{"plan": {"sampler": "random"}}',
    '{"id": "1", "demonstrations": [["7", 0]]}',
    '{"id": "2", "demonstrations": []}',
]


def read_lines(folder: Path, lines: Sequence[str], *, end: str = "\n") -> Plan:
    path = folder / "plan.jsonl"
    path.write_text("\n".join(lines) + end, "utf-8")
    return read_plan(path)


def test_a_good_file_needs_no_last_newline(tmp_path: Path) -> None:
    plan = read_lines(tmp_path, GOOD, end="")
    assert plan["2"] == PlanEntry("2", ())
    assert plan["1"] == PlanEntry("1", (Planned("7", 0),))


def test_ids_may_be_numbers_where_a_plan_is_written_by_hand(tmp_path: Path) -> None:
    plan = read_lines(tmp_path, [GOOD[0], '{"id": 1, "demonstrations": [[7, 0]]}'])
    assert plan["1"] == PlanEntry("1", (Planned("7", 0),))


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "3", "demonstrations": [["7", 0]',
        "",
        "null",
        "[]",
        '"3"',
        '{"demonstrations": []}',
        '{"id": "3"}',
        '{"id": "3", "demonstrations": null}',
        '{"id": "3", "demonstrations": ["70"]}',
        '{"id": "3", "demonstrations": [["7"]]}',
        '{"id": "3", "demonstrations": [["7", 0, 1]]}',
        '{"id": "3", "demonstrations": [["7", "0"]]}',
        '{"id": "3", "demonstrations": [["7", 0.5]]}',
        '{"id": "3", "demonstrations": [["7", null]]}',
        "\x00\x00",
    ],
)
def test_a_malformed_line_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"plan .*plan.jsonl:\n  - line 3: not a plan's line: "):
        read_lines(tmp_path, [*GOOD[:2], line, GOOD[2]])


def test_a_torn_last_line_is_an_error_at_any_length(tmp_path: Path) -> None:
    whole = "\n".join(GOOD)
    for length in range(len(whole) - len(GOOD[2]) + 1, len(whole)):
        with pytest.raises(DataError, match="line 3: not a plan's line"):
            read_lines(tmp_path, [whole[:length]], end="")


def test_bytes_that_are_no_text_are_a_malformed_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_bytes(GOOD[0].encode() + b'\n{"id": "\xff"}\n')
    with pytest.raises(DataError, match="line 2: not a plan's line"):
        read_plan(path)


@pytest.mark.parametrize("header", [GOOD[1], '{"plan": 3}', '{"plan": "random"}', "torn"])
def test_a_file_without_a_plans_first_line_is_no_plan(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match="line 1: not a plan's line"):
        read_lines(tmp_path, [header, *GOOD[1:]])


def test_an_empty_or_missing_file_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is empty"):
        read_lines(tmp_path, [], end="")
    with pytest.raises(DataError, match=r"plan .*nowhere cannot be read: No such file"):
        read_plan(tmp_path / "nowhere")


def test_all_bad_lines_are_listed_together(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_lines(tmp_path, [GOOD[0], GOOD[1], "torn", GOOD[2], GOOD[1], GOOD[2]])
    assert str(caught.value).splitlines()[1:] == [
        "  - line 3: not a plan's line: b'torn\\n'",
        "  - line 5: query 1 a second time",
        "  - line 6: query 2 a second time",
    ]


# ------------------------------------------------------------------------- a plan from elsewhere


def test_a_plan_that_fits_passes_also_with_more_queries_and_shots_than_needed(
    tmp_path: Path,
) -> None:
    support = {"s": Example("s", None, references=("a", "b")), "m": Example("m", None, label=1)}
    shown = (Planned("s", 1), Planned("m", 1), Planned("nowhere", 9))
    plan = write_plan(tmp_path / "plan", [PlanEntry("1", shown), PlanEntry("other", ())], {})
    check_plan(plan, [Example("1", None)], support, num_demonstrations=2)


def test_everything_in_which_a_plan_does_not_fit_is_listed(tmp_path: Path) -> None:
    own = Image(b"own")
    support = {
        "own": Example("own", Image(b"own", "another name"), references=("a",)),
        "two": Example("two", Image(b"two"), references=("a", "b")),
        "no": Example("no", Image(b"no"), label=0),
        "yes": Example("yes", Image(b"yes"), label=1),
    }
    plans = {
        "short": (Planned("two", 0),),
        "lost": (Planned("lost", 0), Planned("two", 1)),
        "answer": (Planned("two", 2), Planned("two", -1)),
        "class": (Planned("yes", 2), Planned("no", 1)),
        "self": (Planned("own", 0), Planned("two", 0)),
    }
    plan = write_plan(tmp_path / "plan", [PlanEntry(q, shown) for q, shown in plans.items()], {})
    queries = [Example(query_id, own) for query_id in ("missing", *plans)]
    with pytest.raises(DataError) as caught:
        check_plan(plan, queries, support, num_demonstrations=2)
    assert str(caught.value).splitlines() == [
        f"plan {tmp_path / 'plan'} does not fit:",
        "  - query missing is not in it",
        "  - query short: 1 demonstrations, 2 needed",
        "  - query lost: support example lost is not in the support split",
        "  - query answer: support example two has no answer 2",
        "  - query answer: support example two has no answer -1",
        "  - query class: support example yes has no answer 2",
        "  - query self: support example own shows the query's own picture",
    ]


def test_a_plans_file_is_one_json_line_a_query(tmp_path: Path) -> None:
    """The format that the documentation gives, for plans that are made by other tools."""
    plan = write_plan(
        tmp_path / "plan", [PlanEntry("42", (Planned("917", 3), Planned("é", 0)))], {"seed": 1}
    )
    lines = plan.path.read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"plan": {"seed": 1}},
        {"id": "42", "demonstrations": [["917", 3], ["é", 0]]},
    ]


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"id": "\xed\xa0\x80", "demonstrations": []}'])
def test_what_only_some_readers_read_is_a_malformed_line(tmp_path: Path, line: bytes) -> None:
    """Found by fuzzing: it was accepted when the file was opened, and failed at its query."""
    path = tmp_path / "plan.jsonl"
    path.write_bytes(b'{"plan": {}}\n' + line + b"\n")
    with pytest.raises(DataError, match="line 2: not a plan's line"):
        read_plan(path)
