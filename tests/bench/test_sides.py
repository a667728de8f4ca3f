"""Both sides answer the same, each as it claims to; and a wrong engine would be found out."""

import pytest

from evals.bench.cases import Case, parse_cases
from evals.bench.comparison import compare_outputs
from evals.bench.engine_side import EngineSide
from evals.bench.sides import Outputs, SideSettings
from evals.bench.transformers_side import TransformersSide
from evals.bench.workload import build_requests
from evals.models.transformers_idefics import load_transformers
from evals.types import GenerateRequest, LogLikelihoodRequest

NAMES = ["random-0", "random-2", "fixed-3", "beams-1", "classes-2", "classes-5"]


@pytest.fixture(scope="module")
def theirs(settings: SideSettings) -> TransformersSide:
    side = TransformersSide(settings)
    side.prepare(Case("random", 1))
    return side


@pytest.fixture(scope="module")
def ours(settings: SideSettings) -> EngineSide:
    side = EngineSide(settings)
    side.prepare(Case("random", 1))
    return side


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_answers_as_transformers_does(
    name: str, ours: EngineSide, theirs: TransformersSide
) -> None:
    (case,) = parse_cases([name])
    mine, other = ours.answer(case, None), theirs.answer(case, 5)
    assert (len(mine.outputs), len(other.outputs)) == (12, 5)
    made = compare_outputs(
        mine.outputs,
        other.outputs,
        margin=lambda request_id, one, two: theirs.margin(case, request_id, one, two),
    )
    assert made.is_equal
    assert made.num_compared == 5
    assert mine.seconds > 0


@pytest.mark.parametrize("name", NAMES)
def test_transformers_in_batches_answers_as_it_does_one_by_one(
    name: str, settings: SideSettings, theirs: TransformersSide
) -> None:
    """Padding, batches and classes scored as rows change nothing: the oracle has none of them."""
    (case,) = parse_cases([name])
    oracle = load_transformers(
        settings.checkpoint,
        settings.info,
        device=settings.torch_device,
        dtype=settings.torch_dtype,
    )
    requests = build_requests(settings.workload, case, limit=6)
    alone = Outputs(
        {
            answer.id: answer.token_ids
            for answer in oracle.generate(r for r in requests if isinstance(r, GenerateRequest))
        },
        {
            answer.id: answer.logprobs
            for answer in oracle.loglikelihood(
                r for r in requests if isinstance(r, LogLikelihoodRequest)
            )
        },
    )
    made = compare_outputs(
        theirs.answer(case, 6).outputs,
        alone,
        margin=lambda request_id, one, two: theirs.margin(case, request_id, one, two),
    )
    assert made.num_compared == 6
    assert made.is_equal


@pytest.mark.parametrize("name", ["random-1", "beams-1", "classes-2"])
def test_an_engine_with_other_weights_is_found_out(
    name: str, other_settings: SideSettings, theirs: TransformersSide
) -> None:
    (case,) = parse_cases([name])
    wrong = EngineSide(other_settings)
    wrong.prepare(case)
    made = compare_outputs(
        wrong.answer(case, None).outputs,
        theirs.answer(case, 4).outputs,
        margin=lambda request_id, one, two: theirs.margin(case, request_id, one, two),
    )
    assert not made.is_equal
    if case.classes:
        assert made.max_logprob_difference is not None
        assert made.max_logprob_difference > 1e-3
    else:
        assert len(made.mismatches) == 4
        assert all(m.margin is not None and m.margin > 1e-4 for m in made.mismatches)


def test_a_margin_is_the_models_own_preference(theirs: TransformersSide) -> None:
    """The runner-up is closer to the choice than any other token, and the choice to itself."""
    case = Case("random", 1)
    (chosen,) = theirs.answer(case, 1).outputs.tokens.values()
    margins = [
        theirs.margin(case, "query0", chosen, (*chosen[:3], token, *chosen[4:]))
        for token in range(300, 340)
        if token != chosen[3]
    ]
    assert all(margin is not None and margin > 0 for margin in margins)
    assert len(set(margins)) > 30
    assert theirs.margin(case, "query0", chosen, chosen[:3]) is None


def test_pictures_matter_at_both_places_of_a_prompt(theirs: TransformersSide) -> None:
    moves = theirs.swap_pictures()
    assert len(moves) == 2
    assert min(moves) > 0.1


def test_prefill_is_timed_over_the_prompts_that_it_names(ours: EngineSide) -> None:
    made = ours.prefill(Case("random", 3), 5, 2)
    assert len(made.seconds) == 2
    assert len(made.prompts) == 5
    for shape in made.prompts:
        assert len(shape.images) == 4
        # <s>, the instruction, "Image:" and <fake_token_around_image> see no picture.
        assert shape.num_tokens - shape.num_seeing == 1 + 16 + 2 + 1
