"""Tables of scores that are not in points, or of which less is better."""

from dataclasses import replace
from pathlib import Path

import pytest

from evals.errors import DataError
from evals.report.curves import make_panels
from evals.report.formats import format_csv, format_markdown
from evals.report.layout import Table, build_table
from evals.report.references import COLUMNS, SCALE_COLUMNS, Reference, load_references
from evals.summary import RunSummary
from tests.report.made_runs import make_run, make_score

RANKS = {"higher_is_better": False, "unit": "plain"}
RATES = {"higher_is_better": False, "unit": "points"}


def make_ranked(value: float, said: dict[str, object] = RANKS, **changes: object) -> RunSummary:
    """Return a run of a benchmark whose headline is a mean rank."""
    scores = {"mean_rank": make_score(value, 0.05) | said}
    return replace(make_run(scores=scores, headline="mean_rank"), **changes)  # type: ignore[arg-type]


def read_references(folder: Path, *rows: str) -> tuple[Reference, ...]:
    lines = [",".join(COLUMNS + SCALE_COLUMNS), *rows]
    (folder / "mine.csv").write_text("\n".join(lines) + "\n")
    return load_references(folder)


def list_values(table: Table, index: int = 0) -> list[float | None]:
    return [
        row.cells[index].value if row.cells[index] else None for b in table.blocks for row in b.rows
    ]


def test_a_plain_score_stands_as_it_is_with_two_digits() -> None:
    table = build_table([make_ranked(3.256)])
    text = format_markdown(table)
    assert r"| OK-VQA (mean\_rank ↓) |" in text
    assert "| 3.26 ±0.05 |" in text
    assert "↓: lower is better." in text
    assert ",plain,False\n" in format_csv(table)
    (panel,) = make_panels(table)
    assert panel.axis == "mean_rank, lower is better"
    assert panel.curves[0].points[0].value == 3.256


def test_where_higher_is_better_nothing_is_marked() -> None:
    table = build_table([make_run()])
    assert "↓" not in format_markdown(table)
    assert make_panels(table)[0].axis == "VQA accuracy on raw answers"


def test_a_reference_of_the_same_unit_and_direction_is_taken_off(tmp_path: Path) -> None:
    references = read_references(tmp_path, "M,7B,,OKVQA,val,4,mean_rank,4.11,,s,,plain,false")
    table = build_table([make_ranked(3.25)], references)
    assert list_values(table) == [3.25, 4.11, pytest.approx(-0.86)]
    assert "−0.86 −17.2σ" in format_markdown(table)


@pytest.mark.parametrize("scale", ["points,true", "points,false", "plain,true"])
def test_a_reference_of_another_unit_or_direction_is_shown_and_not_taken_off(
    scale: str, tmp_path: Path
) -> None:
    references = read_references(tmp_path, f"M,7B,,OKVQA,val,4,VQA accuracy,51.8,,s,,{scale}")
    table = build_table([make_ranked(3.25)], references)
    assert list_values(table) == [3.25, 51.8, None]
    unit, _, higher = scale.partition(",")
    other = f"{'higher' if higher == 'true' else 'lower'} is better, {unit}"
    (cell,) = table.blocks[0].rows[0].cells
    assert cell is not None
    assert f"score: lower is better, plain; not {other}" in cell.not_comparable


def test_of_several_printed_metrics_that_of_the_columns_unit_is_shown(tmp_path: Path) -> None:
    references = read_references(
        tmp_path,
        "M,7B,,OKVQA,val,4,VQA accuracy,51.8,,s,,points,true",
        "M,7B,,OKVQA,val,4,rank of the answer,4.11,,s,,plain,false",
    )
    assert list_values(build_table([make_ranked(3.25)], references))[:2] == [3.25, 4.11]
    assert list_values(build_table([make_run()], references))[:2] == [45.33, 51.8]


def test_a_reference_stands_in_the_column_of_its_unit(tmp_path: Path) -> None:
    references = read_references(tmp_path, "M,7B,,OKVQA,val,4,VQA accuracy,51.8,,s,,points,true")
    table = build_table([make_ranked(3.25, hash="a"), make_run(hash="b")], references)
    assert [column.score for column in table.columns] == ["mean_rank", "raw_answers"]
    assert list_values(table, 0) == [3.25, None, None]
    assert list_values(table, 1) == [45.33, 51.8, pytest.approx(-6.47)]


def test_references_without_these_columns_are_in_points_and_higher_is_better() -> None:
    assert {str(each.scale) for each in load_references()} == {"higher is better, points"}


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("percent,true", "line 2: 'percent' is not a valid Unit"),
        ("plain,no", "line 2: higher_is_better is 'no', not true or false"),
        ("plain", "line 2: it does not have 13 columns"),
    ],
)
def test_a_references_unit_that_is_none_is_told(scale: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read_references(tmp_path, f"M,7B,,OKVQA,val,4,acc,51.8,,s,,{scale}")


def test_units_and_directions_never_share_a_column() -> None:
    runs = [
        make_ranked(0.3, said, hash=str(number), model=f"m{number}")
        for number, said in enumerate([RANKS, RATES, {}])
    ]
    titles = [column.title for column in build_table(runs).columns]
    assert titles == [
        "OK-VQA plain (mean_rank ↓)",
        "OK-VQA points (mean_rank ↓)",
        "OK-VQA (mean_rank)",
    ]
