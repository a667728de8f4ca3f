"""What both sides are asked."""

from collections import Counter
from pathlib import Path

import pytest

from evals.bench.cases import Case, parse_cases
from evals.bench.configs import CONFIGS
from evals.bench.workload import (
    NUM_WARMUP_PICTURES,
    Request,
    build_prefill,
    build_requests,
    build_warmup,
    plan_workload,
)
from evals.types import GenerateRequest, Image, LogLikelihoodRequest, Text

WORKLOAD = plan_workload(CONFIGS["bench"], picture_dir=Path("pictures"), num_queries=400)
NAMES = ["random-0", "random-4", "fixed-32", "beams-4", "classes-2", "classes-100"]


def pictures(request: Request) -> list[str]:
    return [str(part) for part in request.prompt if isinstance(part, Image)]


def demonstrations(request: Request) -> tuple[object, ...]:
    """What stands before the query's own picture, pictures by name."""
    parts = [str(part) if isinstance(part, Image) else part for part in request.prompt]
    return tuple(parts[:-2])


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_does_not_depend_on_how_many_are_asked(name: str) -> None:
    (case,) = parse_cases([name])
    all_of_them = build_requests(WORKLOAD, case)
    assert len(all_of_them) == 400
    for request, same in zip(build_requests(WORKLOAD, case, limit=3), all_of_them, strict=False):
        assert (request.id, pictures(request)) == (same.id, pictures(same))
        assert [p for p in request.prompt if isinstance(p, Text)] == [
            p for p in same.prompt if isinstance(p, Text)
        ]


@pytest.mark.parametrize("name", NAMES)
def test_prompts_show_their_shots_and_the_query_on_pictures_of_the_right_set(name: str) -> None:
    (case,) = parse_cases([name])
    for request in build_requests(WORKLOAD, case, limit=20):
        *shown, query = pictures(request)
        assert len(set(shown)) == len(shown) == case.shots
        assert all("support" in picture for picture in shown)
        assert "query" in query
        assert isinstance(request.prompt[-1], Text)
        assert request.prompt[-1].text.endswith(" Answer:")


def test_queries_share_their_pictures_equally() -> None:
    counts = Counter(
        pictures(request)[-1] for request in build_requests(WORKLOAD, Case("random", 0))
    )
    assert len(counts) == 100
    assert set(counts.values()) == {4}


def test_fixed_demonstrations_are_the_same_and_random_ones_are_not() -> None:
    fixed, random = (
        {demonstrations(request) for request in build_requests(WORKLOAD, Case(kind, 8), limit=10)}
        for kind in ("fixed", "random")
    )
    assert len(fixed) == 1
    assert len(random) == 10


@pytest.mark.parametrize("name", NAMES)
def test_what_warms_up_is_of_the_same_make_on_pictures_that_are_never_timed(name: str) -> None:
    (case,) = parse_cases([name])
    warmup = build_warmup(WORKLOAD, case)
    assert warmup
    assert {len(pictures(request)) for request in warmup} == {case.shots + 1}
    timed = {picture for r in build_requests(WORKLOAD, case) for picture in pictures(r)}
    assert not timed & {picture for request in warmup for picture in pictures(request)}


def test_a_round_shares_no_picture_object_with_the_next() -> None:
    """An `Image` remembers its hash, which the next round would not pay for."""
    rounds = [build_requests(WORKLOAD, Case("random", 4)) for _ in range(2)]
    objects = [
        {id(part) for request in made for part in request.prompt if isinstance(part, Image)}
        for made in rounds
    ]
    assert not objects[0] & objects[1]


def test_all_pictures_are_drawn() -> None:
    names = WORKLOAD.picture_names()
    assert len(set(names)) == len(names) == 100 + 256 + NUM_WARMUP_PICTURES
    asked = {
        Path(picture).stem
        for name in NAMES
        for case in parse_cases([name])
        for request in (*build_requests(WORKLOAD, case), *build_warmup(WORKLOAD, case))
        for picture in pictures(request)
    }
    assert asked <= set(names)


def test_kinds_of_requests_fit_their_cases() -> None:
    beams, classes = (
        build_requests(WORKLOAD, case, limit=1)[0] for case in parse_cases(["beams-4", "classes-9"])
    )
    assert isinstance(beams, GenerateRequest)
    assert (beams.decoding.num_beams, beams.decoding.max_new_tokens) == (3, 10)
    assert beams.decoding.forbidden == ("<image>", "<fake_token_around_image>")
    assert isinstance(classes, LogLikelihoodRequest)
    assert len(classes.choices) == 9
    prefill = build_prefill(WORKLOAD, Case("random", 2), limit=5)
    assert [request.decoding.max_new_tokens for request in prefill] == [1] * 5
