from dataclasses import asdict, replace
from typing import Any

import pytest

from evals.report.columns import list_columns, place_references
from evals.report.comparability import list_differences, list_reasons, published_score
from evals.report.references import Reference
from evals.report.series import Series
from evals.summary import parse_summary
from tests.report.made_runs import BENCHMARKS, make_mini, make_run, make_score

FLAMINGO = Series("Flamingo-9B", "Flamingo", "flamingo", "random")
IDEFICS = Series("IDEFICS-9B", "IDEFICS", "idefics", "random")
OPENFLAMINGO = Series("OpenFlamingo-9B", "OpenFlamingo", "openflamingo", "random")
RICES = Series("OpenFlamingo-9B-RICES", "OpenFlamingo-RICES", "openflamingo", "rices")
FINE_TUNED = Series("Flamingo-80B-fine-tuned", "Flamingo-fine-tuned", None, None)


def print_number(
    series: Series, task: str = "okvqa", *, split: str = "", variant: str = "as printed"
) -> Reference:
    """Return a published number, on the split that the papers use unless told."""
    of = BENCHMARKS[task]
    return Reference(
        series=series,
        model=series.family,
        size="9B",
        variant=variant,
        benchmark=of.name,
        split=split or of.split,
        shots=4,
        metric="as printed",
        value=50.0,
        std=None,
        source="a paper",
        note="",
    )


@pytest.mark.parametrize("task", ["vqav2", "okvqa", "coco", "textvqa", "hateful_memes"])
@pytest.mark.parametrize("shots", [0, 4, 32])
def test_a_full_run_of_the_papers_protocol_is_comparable_with_its_series(
    task: str, shots: int
) -> None:
    run = make_run(task, shots=shots, sampler="fixed" if shots == 0 else "random")
    assert list_differences(run, print_number(IDEFICS, task)) == ()
    assert list_reasons(run) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_queries": 100}, "limit: the first 100 of 5,046 queries"),
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
        "mini benchmark, not the real one (the first 100 of 200 queries)",
    )
    whole = make_mini("okvqa", num_queries=200, num_support=100)
    assert list_reasons(whole) == ("mini benchmark, not the real one",)
    assert list_differences(whole, print_number(IDEFICS, split="test")) == ()


def test_a_limit_and_other_data_are_two_reasons() -> None:
    reasons = list_reasons(make_run("okvqa", num_queries=10, num_split=85))
    assert [reason.partition(":")[0] for reason in reasons] == ["limit", "other data"]


def test_a_task_without_an_official_size_has_no_size_to_differ_from() -> None:
    run = make_run("okvqa", num_official=None, benchmark="easy_vqa", reference_split=None)
    assert list_reasons(run) == ()


def test_a_protocol_of_another_paper_is_named() -> None:
    assert list_differences(make_run("vqav2"), print_number(FLAMINGO, "vqav2")) == (
        "protocol: idefics, not flamingo",
    )


def test_another_split_than_the_published_one_is_named() -> None:
    run = make_run("vqav2", split="val", reference_split="val")
    assert list_differences(run, print_number(IDEFICS, "vqav2")) == ("split: val, not test-dev",)


def test_a_split_of_no_paper_is_said_once() -> None:
    run = make_run("okvqa", split="train", reference_split=None)
    assert list_differences(run, print_number(IDEFICS)) == ()
    assert list_reasons(run) == ("split train, on which none of the papers reports",)


def test_roc_auc_of_hard_labels_is_told_from_that_of_probabilities() -> None:
    differences = list_differences(
        make_run("hateful_memes"), print_number(OPENFLAMINGO, "hateful_memes")
    )
    assert "score: ROC AUC of hard labels, not ROC AUC of probabilities" in differences


def test_each_way_in_which_a_number_was_made_otherwise_is_named() -> None:
    run = make_run("okvqa", split="test", reference_split="test", sampler="fixed")
    assert list_differences(run, print_number(OPENFLAMINGO)) == (
        "split: test, not val",
        "protocol: idefics, not openflamingo",
        "score: VQA accuracy on raw answers, not VQA accuracy of OpenFlamingo's stems",
        "demonstrations: fixed, not random",
    )


def test_a_series_of_no_known_protocol_is_described_as_its_paper_does() -> None:
    number = print_number(FINE_TUNED, variant="fine-tuned (480x480)")
    assert list_differences(make_run("okvqa"), number) == (
        "measured otherwise: fine-tuned (480x480)",
    )


def test_other_demonstrations_are_named() -> None:
    run = make_run(
        "okvqa",
        protocol="openflamingo",
        headline="openflamingo_stemmed",
        scores={"openflamingo_stemmed": make_score(0.4)},
    )
    assert list_differences(run, print_number(RICES)) == ("demonstrations: random, not rices",)
    assert list_differences(run, print_number(OPENFLAMINGO)) == ()


@pytest.mark.parametrize(
    "changes",
    [{"sampler": "fixed"}, {"sampler": "rices", "support_split": ""}],
    ids=["fixed priming", "no demonstrations"],
)
def test_at_zero_shots_a_sampler_that_had_no_part_is_no_difference(
    changes: dict[str, Any],
) -> None:
    assert list_differences(make_run("okvqa", shots=0, **changes), print_number(IDEFICS)) == ()


@pytest.mark.parametrize(("num_support", "own"), [(512, "512"), (None, "the whole split")])
def test_another_support_set_than_the_papers_is_named(num_support: int | None, own: str) -> None:
    run = make_run("okvqa", num_support=num_support)
    assert list_differences(run, print_number(IDEFICS)) == (
        f"support set: {own}, not 2,048 examples",
    )
    assert list_reasons(run) == ()


def test_the_published_score_is_the_headline_of_the_papers_protocol() -> None:
    assert published_score(IDEFICS, task="okvqa", kind="vqa") == "raw_answers"
    assert published_score(IDEFICS, task="my_vqa", kind="vqa") == "official"
    assert published_score(FINE_TUNED, task="okvqa", kind="vqa") is None


def test_a_papers_score_is_looked_up_by_the_tasks_own_name() -> None:
    run = replace(make_run("okvqa"), task="my_okvqa", task_name="okvqa")
    assert list_differences(run, print_number(IDEFICS)) == ()
    other = make_run("okvqa", task_name="my_vqa")
    assert list_differences(other, print_number(IDEFICS)) == (
        "score: VQA accuracy on raw answers, not official VQA accuracy",
    )


def test_an_older_run_is_looked_up_by_its_configs_name() -> None:
    assert make_run("okvqa").task_name == ""
    assert list_differences(make_run("okvqa"), print_number(IDEFICS)) == ()


def test_a_protocol_of_ones_own_is_another_one_and_no_changed_one() -> None:
    run = parse_summary(asdict(make_run("okvqa", protocol="mine", protocol_changes=("name",))))
    assert list_reasons(run) == ()
    assert list_differences(run, print_number(IDEFICS)) == ("protocol: mine, not idefics",)


def test_runs_of_before_and_after_the_tasks_name_was_noted_share_a_column() -> None:
    older = replace(make_run("okvqa"), task="mine")
    runs = (older, replace(older, task_name="okvqa"))
    assert len(list_columns(runs)) == 1


def test_a_column_of_a_task_under_another_name_has_the_papers_number() -> None:
    """IDEFICS prints raw answers for OK-VQA: of two scores' columns, theirs has its number."""
    raw = replace(make_run("okvqa"), task="mine", task_name="okvqa")
    official = replace(raw, headline="official", scores={"official": make_score(0.5)})
    columns = list_columns((official, raw))
    placed = place_references([print_number(IDEFICS)], columns)
    assert [column.score for column in placed] == ["raw_answers"]
