from typing import Any

import pytest

from evals.report.comparability import Beside, list_reasons, published_score
from evals.report.series import Series
from tests.report.made_runs import make_mini, make_run, make_score

FLAMINGO = Series("Flamingo-9B", "Flamingo", "flamingo", "random")
FLAMINGO_80B = Series("Flamingo-80B", "Flamingo", "flamingo", "random")
IDEFICS = Series("IDEFICS-9B", "IDEFICS", "idefics", "random")
OPENFLAMINGO = Series("OpenFlamingo-9B", "OpenFlamingo", "openflamingo", "random")
RICES = Series("OpenFlamingo-9B-RICES", "OpenFlamingo-RICES", "openflamingo", "rices")
FINE_TUNED = Series("Flamingo-80B-fine-tuned", "Flamingo-fine-tuned", None, None)


def beside(*series: Series, split: str = "val", variant: str = "as printed") -> list[Beside]:
    return [Beside(each, split, variant) for each in series]


@pytest.mark.parametrize("task", ["vqav2", "okvqa", "coco", "textvqa", "hateful_memes"])
@pytest.mark.parametrize("shots", [0, 4, 32])
def test_a_full_run_of_the_papers_protocol_is_comparable_with_its_series(
    task: str, shots: int
) -> None:
    run = make_run(task, shots=shots, sampler="fixed" if shots == 0 else "random")
    assert list_reasons(run, beside(IDEFICS, split=run.split)) == ()
    assert list_reasons(run) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_queries": 100}, "limit: 100 of 5,046 queries"),
        (
            {"num_queries": 85, "num_split": 85},
            "other data: 85 examples here; val officially has 5,046",
        ),
        (
            {"protocol_changes": ("decoding", "priming")},
            "protocol idefics with changed decoding, priming",
        ),
        (
            {"split": "train", "reference_split": None},
            "split train, on which none of the papers reports",
        ),
        (
            {"scores": {}, "unscored": "the split officially has no answers"},
            "unscored: the split officially has no answers",
        ),
        (
            {"scores": {"raw_answers": make_score(None, note="not computed: no answers")}},
            "raw_answers not computed: no answers",
        ),
        (
            {"scores": {"raw_answers": make_score(None, note="one class only")}},
            "raw_answers not computed: one class only",
        ),
        (
            {"headline": "openflamingo_stemmed"},
            "openflamingo_stemmed is not among the run's scores",
        ),
    ],
)
def test_what_keeps_a_run_from_being_the_benchmark_is_said(
    changes: dict[str, Any], reason: str
) -> None:
    assert list_reasons(make_run("okvqa", **changes)) == (reason,)


def test_a_mini_run_is_called_mini_and_nothing_else_is_said_of_its_data() -> None:
    assert list_reasons(make_mini("okvqa")) == (
        "mini benchmark, not the real one (100 of 200 queries)",
    )
    whole = make_mini("okvqa", num_queries=200, reference_split=None)
    assert list_reasons(whole, beside(IDEFICS, split="test")) == (
        "mini benchmark, not the real one",
    )


def test_a_limit_and_other_data_are_two_reasons() -> None:
    reasons = list_reasons(make_run("okvqa", num_queries=10, num_split=85))
    assert [reason.partition(":")[0] for reason in reasons] == ["limit", "other data"]


def test_a_task_without_an_official_size_has_no_size_to_differ_from() -> None:
    run = make_run("okvqa", num_official=None, benchmark="easy_vqa", reference_split=None)
    assert list_reasons(run) == ()


def test_a_protocol_of_another_paper_is_named_with_the_series_it_belongs_to() -> None:
    run = make_run("vqav2")
    split = "test-dev"
    assert list_reasons(run, beside(FLAMINGO, FLAMINGO_80B, IDEFICS, split=split)) == (
        "other protocol: idefics here; Flamingo-9B, Flamingo-80B: flamingo",
    )


def test_another_split_than_the_published_one_is_named() -> None:
    run = make_run("vqav2", split="val", reference_split="val")
    assert list_reasons(run, beside(IDEFICS, split="test-dev")) == (
        "other split: val here; IDEFICS-9B: test-dev",
    )


def test_roc_auc_of_hard_labels_is_told_from_that_of_probabilities() -> None:
    reasons = list_reasons(
        make_run("hateful_memes"), beside(FLAMINGO, IDEFICS, OPENFLAMINGO, split="test_seen")
    )
    assert (
        "other score: ROC AUC of hard labels here; Flamingo-9B, OpenFlamingo-9B: ROC AUC of "
        "probabilities"
    ) in reasons


def test_several_scores_of_others_make_one_reason() -> None:
    reasons = list_reasons(make_run("okvqa"), beside(FLAMINGO, OPENFLAMINGO))
    assert reasons == (
        "other protocol: idefics here; Flamingo-9B: flamingo; OpenFlamingo-9B: openflamingo",
        "other score: VQA accuracy on raw answers here; Flamingo-9B: official VQA accuracy; "
        "OpenFlamingo-9B: VQA accuracy of OpenFlamingo's stems",
    )


def test_a_series_of_no_known_protocol_is_described_as_its_paper_does() -> None:
    reasons = list_reasons(make_run("okvqa"), beside(FINE_TUNED, variant="fine-tuned (480x480)"))
    assert reasons == ("measured otherwise: Flamingo-80B-fine-tuned: fine-tuned (480x480)",)


def test_other_demonstrations_are_named() -> None:
    run = make_run(
        "okvqa",
        protocol="openflamingo",
        headline="openflamingo_stemmed",
        scores={"openflamingo_stemmed": make_score(0.4)},
    )
    assert list_reasons(run, beside(RICES)) == (
        "other demonstrations: random here; OpenFlamingo-9B-RICES: rices",
    )
    assert list_reasons(run, beside(OPENFLAMINGO)) == ()


@pytest.mark.parametrize(
    "changes",
    [{"sampler": "fixed"}, {"sampler": "rices", "support_split": ""}],
    ids=["fixed priming", "no demonstrations"],
)
def test_at_zero_shots_a_sampler_that_had_no_part_is_no_difference(
    changes: dict[str, Any],
) -> None:
    assert list_reasons(make_run("okvqa", shots=0, **changes), beside(IDEFICS)) == ()


@pytest.mark.parametrize(
    ("num_support", "words"), [(512, "512 examples here"), (None, "the whole split here")]
)
def test_another_support_set_than_the_papers_is_named(num_support: int | None, words: str) -> None:
    run = make_run("okvqa", num_support=num_support)
    assert list_reasons(run, beside(IDEFICS)) == (
        f"other support set: {words}; the papers: 2,048 examples",
    )
    assert list_reasons(run) == ()


def test_the_published_score_is_the_headline_of_the_papers_protocol() -> None:
    assert published_score(IDEFICS, task="okvqa", kind="vqa") == "raw_answers"
    assert published_score(IDEFICS, task="my_vqa", kind="vqa") == "official"
    assert published_score(FINE_TUNED, task="okvqa", kind="vqa") is None
