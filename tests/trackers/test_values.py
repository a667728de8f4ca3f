import pytest

from evals.trackers.values import describe_runs, flatten, list_metrics
from tests.report.made_runs import make_run, make_score


def test_scores_stand_as_papers_print_them_with_error_and_interval_beside() -> None:
    score = {**make_score(0.4533, 0.005), "interval": (0.44, 0.47)}
    metrics = list_metrics(make_run(scores={"raw_answers": score}, num_dropped=3))
    assert metrics == pytest.approx(
        {
            "okvqa/num_queries": 5046,
            "okvqa/num_dropped": 3,
            "okvqa/raw_answers": 45.33,
            "okvqa/raw_answers_standard_error": 0.5,
            "okvqa/raw_answers_low": 44.0,
            "okvqa/raw_answers_high": 47.0,
        }
    )


def test_what_was_not_computed_is_left_out() -> None:
    scores = {"bleu": make_score(None, None, "no Java"), "cider": make_score(0.9, None)}
    metrics = list_metrics(make_run("coco", scores=scores))
    assert set(metrics) == {"coco/num_queries", "coco/num_dropped", "coco/cider"}


def test_an_unscored_run_has_its_counts() -> None:
    run = make_run(scores={}, unscored="no answers")
    assert set(list_metrics(run)) == {"okvqa/num_queries", "okvqa/num_dropped"}


def test_runs_are_described_by_what_made_them() -> None:
    answered = {
        "model": {"checkpoint": "/models/idefics-9b", "fingerprint": "ab12", "dtype": "bfloat16"},
        "code": {"commit": "c0ffee", "dirty": False},
    }
    runs = [make_run(task, answered=answered, hash=task) for task in ("okvqa", "coco")]
    described = flatten(describe_runs(runs))
    assert described["model.label"] == "idefics-9b"
    assert described["model.checkpoint"] == "/models/idefics-9b"
    assert described["model.fingerprint"] == "ab12"
    assert described["protocol.name"] == "idefics"
    assert described["demonstrations.seed"] == 0
    assert described["demonstrations.num_support"] == 2048
    assert described["tasks.okvqa.headline"] == "raw_answers"
    assert described["tasks.coco.split"] == "karpathy_test"
    assert described["code.commit"] == "c0ffee"
    assert described["code.dirty"] is False
    assert described["runs.okvqa-4-shot"] == "okvqa"
    assert "model.revision" not in described
    assert "protocol.changes" not in described


def test_where_runs_differ_every_value_is_named() -> None:
    """A run that was finished after a pull has two commits; neither is the only truth."""
    runs = [
        make_run(shots=shots, answered={"code": {"commit": commit}}, num_queries=count)
        for shots, commit, count in ((0, "a", 5046), (4, "b", 100), (8, "b", 100))
    ]
    described = describe_runs(runs)
    assert described["code"]["commit"] == "a, b"
    assert described["tasks"]["okvqa"]["num_queries"] == "5046, 100"


def test_the_sampler_is_that_of_the_runs_it_had_a_part_in() -> None:
    runs = [make_run(shots=0, sampler="fixed"), make_run(shots=4, sampler="rices")]
    assert describe_runs(runs)["demonstrations"]["sampler"] == "rices"


def test_values_are_flat_and_plain() -> None:
    nested = {"a": {"b": {"c": 1}, "d": None}, "e": [1, 2], "f": True, "g": 0.5, "h": "x"}
    assert flatten(nested) == {"a.b.c": 1, "e": "[1, 2]", "f": True, "g": 0.5, "h": "x"}
