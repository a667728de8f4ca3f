"""A score of which less is better, from a plugin's metric to whatever prints or judges it.

Real run folders: one makes 40 mistakes in 100 queries, the other 20; at 0 and at 2 shots.
"""

import csv
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evals.cli.comparing import compare
from evals.cli.gating import baseline, gate
from evals.cli.listing import list_runs
from evals.cli.scoring import score
from evals.cli.tables import table
from evals.plotting import plot, read_table, to_frame, to_tidy
from evals.results import load, load_breakdowns, load_records
from evals.summary import read_summary
from evals.trackers import make_series
from tests.error_rates import run_numbers


@dataclass(frozen=True)
class Made:
    many: tuple[Path, ...]
    """Run folders with many mistakes, at 0 and at 2 shots."""
    few: tuple[Path, ...]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("directions")
    return Made(run_numbers(folder, num_wrong=40), run_numbers(folder, num_wrong=20))


def call(command: Any, *words: object) -> str:
    """Return what a command prints; an exit code of 0 raises nothing either."""
    with redirect_stdout(io.StringIO()) as printed:
        command([str(word) for word in words])
    return printed.getvalue()


def hold(new: Path, old: Path, folder: Path) -> tuple[object, str]:
    """Return the exit code of `evals gate` and its Markdown."""
    call(baseline, old, "--out", folder / "old.json")
    with pytest.raises(SystemExit) as left:
        call(gate, new, "--baseline", folder / "old.json", "--markdown", folder / "gate.md")
    return left.value.code, (folder / "gate.md").read_text()


def test_a_run_says_the_direction_and_unit_of_its_scores(made: Made) -> None:
    values = json.loads((made.many[0] / "summary.json").read_text())["scores"]
    said = {name: (each["higher_is_better"], each["unit"]) for name, each in values.items()}
    assert said == {"error_rate": (False, "points"), "mean_rank": (False, "plain")}
    (line, *_) = (made.many[0] / "queries.jsonl").read_text().splitlines()
    assert json.loads(line)["scales"]["mean_rank"] == {"unit": "plain", "higher_is_better": False}


def test_a_falling_error_rate_holds(made: Made, tmp_path: Path) -> None:
    code, text = hold(made.few[1], made.many[1], tmp_path)
    assert code == 0
    assert "| error_rate ↓ | 40.00 | 20.00 | -20.00 | -27.98 to -12.02 |" in text
    assert "regressed" not in text


def test_a_rising_error_rate_is_a_regression(made: Made, tmp_path: Path) -> None:
    code, text = hold(made.many[1], made.few[1], tmp_path)
    assert code == 1
    assert "❌ regressed" in text
    assert "error_rate (lower is better) rose by 20.00, for the worse" in text
    assert "Queries: 0 better, 20 worse, 80 alike. The tolerance is 1." in text


def test_a_comparison_judges_by_the_direction(made: Made) -> None:
    text = call(compare, made.many[1], made.few[1], "--format", "md")
    assert "| **error_rate ↓** | 40.00 | 20.00 | -20.00 |" in text
    assert "| mean_rank ↓ | 8.600 | 5.800 | -2.800 |" in text
    assert "error_rate (lower is better) fell by 20.00, for the better" in text
    rows = list(
        csv.DictReader(io.StringIO(call(compare, made.few[1], made.many[1], "--format", "csv")))
    )
    assert [(row["unit"], row["higher_is_better"]) for row in rows] == [
        ("points", "False"),
        ("plain", "False"),
    ]
    assert [(row["num_better"], row["num_worse"]) for row in rows] == [("0", "20")] * 2


@pytest.mark.parametrize(
    ("style", "head"),
    [
        ("md", r"numbers (error\_rate ↓)"),
        ("latex", r"(error\_rate $\downarrow$)"),
        ("rich", "(error_rate ↓)"),
    ],
)
def test_a_table_marks_the_score_and_explains_the_mark(made: Made, style: str, head: str) -> None:
    text = call(table, *made.many, "--format", style)
    assert head in text
    assert "lower is better" in text
    assert "40.0" in text


def test_lists_print_every_score_in_its_unit(made: Made) -> None:
    text = call(score, made.many[0])
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert rows["error_rate"][1:3] == ["↓", "40.00"]
    assert rows["mean_rank"][1:3] == ["↓", "8.600"]
    assert json.loads(text.splitlines()[-1])["scores"] == {"error_rate": 40.0, "mean_rank": 8.6}
    (run,) = json.loads(call(list_runs, made.many[0], "--json"))["runs"]
    assert (run["value"], run["scale"]) == (40, {"unit": "points", "higher_is_better": False})
    assert "error_rate ↓" in call(list_runs, made.many[0])


def test_frames_have_direction_and_unit(made: Made) -> None:
    scores = load(made.many[0]).set_index("score")
    assert list(scores["higher_is_better"]) == [False, False]
    assert scores.loc["mean_rank", ["printed", "unit"]].to_list() == [8.6, "plain"]
    assert scores.loc["error_rate", ["printed", "unit"]].to_list() == [40.0, "points"]
    parts = load_breakdowns(made.many[0])
    ranks = parts[parts["score"] == "mean_rank"]
    assert (ranks["printed"] == ranks["value"]).all()
    assert not parts["higher_is_better"].any()
    queries = load_records(made.many[0])
    assert queries.attrs["lower_is_better"] == ["score_error_rate", "score_mean_rank"]


def test_the_tables_frames_have_direction_and_unit(made: Made) -> None:
    shown = read_table(made.many)
    frame = to_frame(shown)
    assert list(frame.columns) == ["numbers (error_rate ↓)"]
    assert frame.attrs["lower_is_better"] == ["numbers (error_rate ↓)"]
    assert frame.attrs["plain"] == []
    tidy = to_tidy(shown)
    assert list(tidy["unit"]) == ["points", "points"]
    assert list(tidy["higher_is_better"]) == [False, False]
    assert isinstance(tidy["higher_is_better"].dtype, type(pd.Series([True]).dtype))


def test_a_plot_says_which_way_is_better_and_turns_no_axis(made: Made) -> None:
    figure = plot([*made.many, *made.few])
    (axes,) = figure.axes
    assert axes.get_ylabel().replace("\n", " ") == "error_rate, lower is better"
    low, high = axes.get_ylim()
    assert low < 20 < 40 < high


def test_trackers_get_printed_numbers_and_the_direction_as_a_parameter(made: Made) -> None:
    (series,) = make_series([(run_dir, read_summary(run_dir)) for run_dir in made.many])
    assert series.points[0]["numbers/error_rate"] == 40.0
    assert series.points[0]["numbers/mean_rank"] == 8.6
    task = series.parameters["tasks"]["numbers"]
    assert (task["lower_is_better"], task["plain"]) == ("error_rate, mean_rank", "mean_rank")
