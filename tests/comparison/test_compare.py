"""Two runs side by side: what is refused, what is cautioned, what is tested how."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from evals.comparison import compare_runs, format_comparisons, pair_folders
from evals.comparison.assessing import Outcomes
from evals.comparison.compare import adjust_holm
from evals.errors import ResultsError
from evals.query_scores import QueryScore
from evals.types import Scale, Unit
from tests.comparison.made_runs import write_queries, write_run

BEFORE = {str(index): float(index % 3 == 0) for index in range(90)}
AFTER = BEFORE | {str(index): 1.0 for index in range(1, 19)} | {"0": 0.0, "3": 0.0}


def test_right_and_wrong_answers_on_pictures_of_their_own_are_mcnemars(tmp_path: Path) -> None:
    pair = (write_run(tmp_path / "a", BEFORE), write_run(tmp_path / "b", AFTER))
    [made] = compare_runs([pair])
    assessment = made.main.assessment
    assert assessment is not None
    assert assessment.test == "McNemar, mid-p"
    better = sum(AFTER[key] > BEFORE[key] for key in BEFORE)
    assert assessment.exact_p == pytest.approx(binomtest(2, better + 2).pvalue)
    assert made.adjusted_p == assessment.p_value
    assert made.main.after - made.main.before == pytest.approx(assessment.difference.value)
    assert len(made.changed) == 10
    assert all(pair.before.answer != pair.after.answer for pair in made.changed)


def test_queries_that_share_pictures_are_clustered(tmp_path: Path) -> None:
    pair = (
        write_run(tmp_path / "a", BEFORE, pictures=5),
        write_run(tmp_path / "b", AFTER, pictures=5),
    )
    [made] = compare_runs([pair])
    assert made.num_pictures == 18
    assert made.main.assessment is not None
    assert made.main.assessment.test == "t, clustered by picture"


def test_graded_scores_are_permuted_over_pictures(tmp_path: Path) -> None:
    graded = {key: 0.3 * value for key, value in AFTER.items()}
    pair = (write_run(tmp_path / "a", BEFORE), write_run(tmp_path / "b", graded))
    [made] = compare_runs([pair])
    assert made.main.assessment is not None
    assert made.main.assessment.test == "permutation over pictures"
    assert made.main.assessment.p_value is not None
    assert made.main.assessment.p_value < 0.05


def rank(query_id: int, probability: float) -> QueryScore:
    choice = int(probability > 0.5)
    closed = {"label": query_id % 2, "choice": choice}
    return QueryScore(
        str(query_id),
        str(query_id),
        "yes",
        {},
        **closed,
        probabilities=(1 - probability, probability),
    )


def test_areas_are_delongs(tmp_path: Path) -> None:
    before = [rank(index, 0.2 + 0.01 * index) for index in range(40)]
    after = [rank(index, 0.2 + 0.01 * index + 0.3 * (index % 2)) for index in range(40)]
    folders = [
        write_queries(tmp_path / name, queries, score="roc_auc", value=value)
        for name, queries, value in (("a", before, 0.5125), ("b", after, 1.0))
    ]
    [made] = compare_runs([(folders[0], folders[1])])
    assert made.main.assessment is not None
    assert made.main.assessment.test == "DeLong"
    assert made.main.assessment.p_value is not None
    assert made.main.assessment.p_value < 0.001


@pytest.mark.parametrize("scale", [None, Scale(), Scale(higher_is_better=False)])
def test_queries_are_counted_by_the_side_they_moved_to(scale: Scale | None, tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / name, values, scale=scale)
        for name, values in (("a", BEFORE), ("b", AFTER))
    ]
    [made] = compare_runs([(folders[0], folders[1])])
    up, down = 12, 2
    is_lower = scale is not None and not scale.higher_is_better
    better, worse = (down, up) if is_lower else (up, down)
    assert made.main.outcomes == Outcomes(better, worse, 90 - up - down)
    text = format_comparisons([made], "md")
    name = "official VQA accuracy (lower is better)" if is_lower else "official VQA accuracy"
    assert f"{name} rose by 11.11, for the {'worse' if is_lower else 'better'} (p = " in text
    assert f"Queries: {better} better, {worse} worse, 76 alike." in text


def test_a_score_of_two_values_is_right_or_wrong_whatever_they_are_worth(tmp_path: Path) -> None:
    plain = [write_run(tmp_path / name, values) for name, values in (("a", BEFORE), ("b", AFTER))]
    turned = [
        write_run(tmp_path / name, {key: -3 * value for key, value in values.items()})
        for name, values in (("c", BEFORE), ("d", AFTER))
    ]
    [one], [other] = (compare_runs([(pair[0], pair[1])]) for pair in (plain, turned))
    assert one.main.assessment is not None
    assert other.main.assessment is not None
    assert one.main.assessment.test == other.main.assessment.test == "McNemar, mid-p"
    assert one.main.assessment.p_value == other.main.assessment.p_value


def test_other_directions_and_units_are_refused(tmp_path: Path) -> None:
    pair = (
        write_run(tmp_path / "a", BEFORE, scale=Scale(Unit.PLAIN)),
        write_run(tmp_path / "b", AFTER, scale=Scale()),
    )
    with pytest.raises(
        ResultsError, match="score official: higher is better, plain, and higher is better, points"
    ):
        compare_runs([pair])


def test_a_score_of_the_whole_is_shown_and_not_tested(tmp_path: Path) -> None:
    queries = [QueryScore(str(index), str(index), "a cat", {}) for index in range(5)]
    folders = [
        write_queries(tmp_path / name, queries, score="bleu_4", value=0.2) for name in ("a", "b")
    ]
    [made] = compare_runs([(folders[0], folders[1])])
    assert made.main.assessment is None
    assert "cannot be tested" in format_comparisons([made], "md")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task": "okvqa"}, "task: 'vqav2' and 'okvqa'"),
        ({"split": "train"}, "split: 'val' and 'train'"),
        ({"task_version": 2}, "task version: 1 and 2"),
        ({"data": "1" * 64}, "the queries have other questions or references"),
        ({"unscored": "no answers", "scores": {}}, "no scores: no answers"),
    ],
)
def test_what_is_not_comparable_is_refused_with_the_reason(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    pair = (write_run(tmp_path / "a", BEFORE), write_run(tmp_path / "b", BEFORE, **changes))
    with pytest.raises(ResultsError, match=f"a and b are not comparable:\n  - {reason}"):
        compare_runs([pair])


def test_one_plugins_task_under_two_names_is_one_task(tmp_path: Path) -> None:
    values = {str(number): float(number % 2) for number in range(20)}
    paths = [
        write_run(tmp_path / name, values, task=name, task_name="vqav2") for name in ("a", "b")
    ]
    (comparison,) = compare_runs([(paths[0], paths[1])])
    assert comparison.main.before == comparison.main.after


def test_two_plugins_tasks_under_one_name_are_two(tmp_path: Path) -> None:
    values = {str(number): float(number % 2) for number in range(20)}
    paths = [write_run(tmp_path / name, values, task_name=name) for name in ("a", "b")]
    with pytest.raises(ResultsError, match="task: 'a' and 'b'"):
        compare_runs([(paths[0], paths[1])])


def test_other_queries_are_refused(tmp_path: Path) -> None:
    fewer = dict(list(BEFORE.items())[:50])
    pair = (write_run(tmp_path / "a", BEFORE), write_run(tmp_path / "b", fewer))
    with pytest.raises(ResultsError, match="40 queries are in one run only, first 50"):
        compare_runs([pair])


@pytest.mark.parametrize(
    ("changes", "caution"),
    [
        ({"plan_sha256": "other"}, "the plans differ: other demonstrations were shown"),
        ({"prompts_sha256": "other"}, "the prompts differ (`evals prompts --diff` shows where)"),
        ({"shots": 8, "plan_sha256": "other"}, "shots: 4 and 8"),
        ({"protocol": "flamingo", "prompts_sha256": "other"}, "protocol: idefics and flamingo"),
    ],
)
def test_what_else_differs_is_cautioned(
    changes: dict[str, Any], caution: str, tmp_path: Path
) -> None:
    pair = (write_run(tmp_path / "a", BEFORE), write_run(tmp_path / "b", BEFORE, **changes))
    [made] = compare_runs([pair])
    assert list(made.cautions) == [caution]


def test_folders_are_paired_run_by_run_and_adjusted_together(tmp_path: Path) -> None:
    for side, values in (("a", BEFORE), ("b", AFTER)):
        for shots in (0, 4):
            write_run(tmp_path / side / f"run{shots}", values, shots=shots)
    write_run(tmp_path / "b" / "run8", BEFORE, shots=8)
    pairs = pair_folders(tmp_path / "a", tmp_path / "b")
    assert [(one.name, other.name) for one, other in pairs] == [("run0", "run0"), ("run4", "run4")]
    made = compare_runs(pairs)
    for each in made:
        assert each.main.assessment is not None
        assert each.main.assessment.p_value is not None
        assert each.adjusted_p == pytest.approx(2 * each.main.assessment.p_value)


def test_folders_without_a_match_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "run", BEFORE, shots=0)
    write_run(tmp_path / "b" / "run", BEFORE, shots=4)
    with pytest.raises(ResultsError, match="no run in the one folder has the task, split, shots"):
        pair_folders(tmp_path / "a", tmp_path / "b")
    with pytest.raises(ResultsError, match="is no run folder and holds none"):
        pair_folders(tmp_path / "nowhere", tmp_path / "b")


def test_holms_p_values_grow_with_rank_and_skip_what_is_not_known() -> None:
    assert adjust_holm([0.01, None, 0.04, 0.03]) == [0.03, None, 0.06, 0.06]
    assert adjust_holm([0.2]) == [0.2]
    assert adjust_holm([]) == []


def test_every_format_says_the_same(tmp_path: Path) -> None:
    hostile = write_run(tmp_path / "b", AFTER)
    lines = (hostile / "queries.jsonl").read_text().replace("answer 1.0", "<b>|`x`|\\\\n*1*")
    (hostile / "queries.jsonl").write_text(lines)
    made = compare_runs([(write_run(tmp_path / "a", BEFORE), hostile)])
    markdown = format_comparisons(made, "md")
    assert "**official**" in markdown
    assert r"\<b\>\|\`x\`\|" in markdown
    [row] = csv.DictReader(io.StringIO(format_comparisons(made, "csv")))
    [comparison] = json.loads(format_comparisons(made, "json"))["comparisons"]
    [score] = comparison["scores"]
    assert float(row["difference"]) == score["difference"]
    assert f"{100 * score['difference']:+.2f}" in markdown
    assert len(comparison["changed"]) == 10
