import io
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from evals.report.scores import MAX_PARTS, Scored, format_scores
from tests.report.made_runs import make_mini, make_run, make_score


@dataclass(frozen=True)
class FileScores:
    """What a results file made elsewhere scores: no model, no protocol."""

    task: str = "okvqa"
    split: str = "val"
    scores: dict[str, Any] = field(default_factory=lambda: {"official": make_score(0.4686)})
    breakdowns: dict[str, Any] = field(default_factory=dict)
    num_queries: int = 5046


def render(scored: Scored) -> str:
    console = Console(width=100, file=io.StringIO())
    with console.capture() as capture:
        console.print(format_scores(scored))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_every_score_is_shown_with_error_interval_number_and_note() -> None:
    scores = {
        "raw_answers": {**make_score(0.45333, 0.00656), "interval": (0.44047, 0.46619)},
        "official": make_score(0.4686, None),
        "openflamingo_stemmed": make_score(None, None, "not computed: run X"),
    }
    text = render(make_run("okvqa", scores=scores))
    assert "okvqa val, 5,046 queries: idefics-9b, protocol idefics, 4 shots, seed 0" in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert rows["raw_answers"][-6:] == ["45.33", "0.66", "44.05", "to", "46.62", "100"]
    assert rows["official"][-4:] == ["46.86", "–", "–", "100"]
    assert rows["openflamingo_stemmed"][2:6] == ["–", "–", "–", "100"]
    assert rows["openflamingo_stemmed"][6:] == ["not", "computed:", "run", "X"]


def test_a_results_file_is_scored_without_model_or_protocol() -> None:
    text = render(FileScores())
    assert text.splitlines()[0] == "okvqa val, 5,046 queries"
    assert "46.86" in text


def test_breakdowns_stand_in_rows_with_all_scores_across() -> None:
    parts = {
        "answer_type=number": {"value": 0.3, "num_examples": 30},
        "answer_type=yes/no": {"value": 0.8, "num_examples": 70},
    }
    scores = {"official": make_score(0.65), "normalised": make_score(0.66)}
    breakdowns = {
        "official": parts,
        "normalised": {"answer_type=number": parts["answer_type=number"]},
    }
    text = render(FileScores(scores=scores, breakdowns=breakdowns))
    rows = [line.split() for line in text.splitlines()]
    assert ["number", "30.00", "30.00", "30"] in rows
    assert ["yes/no", "80.00", "–", "70"] in rows


def test_a_breakdown_with_many_parts_is_left_to_the_summary() -> None:
    parts = {
        f"question_type=kind {n}": {"value": 0.1, "num_examples": 3} for n in range(MAX_PARTS + 1)
    }
    text = render(FileScores(breakdowns={"official": parts}))
    assert f"question_type: {MAX_PARTS + 1} parts, in summary.json" in text
    assert "kind 1" not in text


def test_what_is_not_the_benchmark_is_said() -> None:
    assert "note: mini benchmark, not the real one (the first 100 of 200 queries)" in render(
        make_mini("okvqa", num_dropped=3)
    )
    assert "note: 3 of 100 prompts lost demonstrations to the length limit" in render(
        make_mini("okvqa", num_dropped=3)
    )
    unscored = render(make_run("vqav2", scores={}, unscored="no answers"))
    assert "note: unscored: no answers" in unscored
    assert "score " not in unscored
