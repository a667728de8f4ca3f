"""Runs as pandas frames."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from evals.errors import ResultsError
from evals.query_scores import QueryScore, write_query_scores
from evals.results import find_runs, load, load_breakdowns, load_records
from evals.results.columns import BREAKDOWNS, RECORDS, SCORES
from evals.summary import read_summary, write_summary
from tests.comparison.made_runs import write_run
from tests.report.made_runs import make_score
from tests.runner.calls import evaluate


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real runs of the mock model: generated answers, captions, a closed set."""
    where = tmp_path_factory.mktemp("runs")
    for task in ("vqav2", "okvqa", "hateful_memes"):
        evaluate(task, where, f"run_dir={where / 'runs' / task}")
    return where / "runs"


def list_dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def test_every_score_is_a_row_with_its_run(runs: Path) -> None:
    frame = load(f"{runs}/*")
    summaries = {name: read_summary(runs / name) for name in ("vqav2", "okvqa", "hateful_memes")}
    assert len(frame) == sum(len(summary.scores) for summary in summaries.values())
    for row in frame.to_dict("records"):
        summary = summaries[row["run"]]
        score = summary.scores[row["score"]]
        assert row["task"] == summary.task
        assert (row["shots"], row["seed"], row["hash"]) == (2, 0, summary.hash)
        assert row["num_queries"] == summary.num_queries
        assert row["is_headline"] == (row["score"] == summary.headline)
        if score["value"] is not None:
            assert row["value"] == score["value"]
            assert row["printed"] == pytest.approx(100 * score["value"])
    assert frame["is_headline"].sum() == 3
    assert set(frame["fingerprint"]) == {summaries["okvqa"].answered["model"]["fingerprint"]}


def test_columns_and_dtypes_do_not_depend_on_the_runs(runs: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "bare", {"1": 0.5, "2": 1.0})
    for frame in (load(runs), load(tmp_path), load(runs / "okvqa")):
        assert list_dtypes(frame) == dict(SCORES)
    for frame in (load_breakdowns(runs), load_breakdowns(tmp_path)):
        assert list_dtypes(frame) == dict(BREAKDOWNS)
    for name in ("okvqa", "hateful_memes"):
        assert list_dtypes(load_records(runs / name)).items() >= RECORDS.items()


def test_a_score_that_was_not_computed_is_missing_and_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "run", {"1": 1.0})
    scores = {"cider": make_score(None, None, "not computed: no java")}
    write_summary(tmp_path / "run", replace(read_summary(tmp_path / "run"), scores=scores))
    (row,) = load(tmp_path).to_dict("records")
    assert row["score"] == "cider"
    assert row["note"] == "not computed: no java"
    assert pd.isna([row["value"], row["printed"], row["standard_error"], row["low"]]).all()


def test_a_run_without_scores_has_a_row_that_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "run", {"1": 1.0})
    summary = read_summary(tmp_path / "run")
    unscored = replace(summary, scores={}, unscored="a server has the answers")
    write_summary(tmp_path / "run", unscored)
    (row,) = load(tmp_path).to_dict("records")
    assert pd.isna(row["score"])
    assert pd.isna(row["value"])
    assert row["note"] == "a server has the answers"


def test_headlines_pivot_into_a_table(runs: Path) -> None:
    frame = load(runs)
    table = frame[frame["is_headline"]].pivot_table("printed", ["model", "shots"], "benchmark")
    assert list(table.columns) == ["HatefulMemes", "OKVQA", "VQAv2"]
    assert list(table.index) == [("mock", 2)]


def test_breakdowns_are_rows(runs: Path) -> None:
    frame = load_breakdowns(runs / "vqav2")
    breakdowns = read_summary(runs / "vqav2").breakdowns
    assert len(frame) == sum(len(parts) for parts in breakdowns.values())
    assert set(frame["key"]) <= {"answer_type", "question_type"}
    first = frame.iloc[0]
    part = breakdowns[first["score"]][f"{first['key']}={first['part']}"]
    assert (first["value"], first["num_examples"]) == (part["value"], part["num_examples"])


def test_every_query_is_a_row_in_the_order_of_the_split(runs: Path) -> None:
    frame = load_records(runs / "okvqa")
    queries = [
        json.loads(line) for line in (runs / "okvqa" / "queries.jsonl").read_text().splitlines()
    ]
    records = {
        values["id"]: values
        for line in (runs / "okvqa" / "records.jsonl").read_text().splitlines()
        for values in [json.loads(line)]
    }
    assert list(frame["id"]) == [query["id"] for query in queries]
    for row, query in zip(frame.to_dict("records"), queries, strict=True):
        record = records[row["id"]]
        assert (row["answer"], row["picture"]) == (query["answer"], query["picture"])
        assert row["text"] == record["text"]
        assert list(row["demonstrations"]) == record["demonstrations"]
        assert row["num_new_tokens"] == record["num_new_tokens"]
        assert row["prompt_sha256"] == record["prompt_sha256"]
        assert row["score_official"] == query["scores"]["official"]


def test_the_mean_of_a_score_column_is_the_runs_score(runs: Path) -> None:
    frame = load_records(runs)
    scores = load(runs).set_index(["run", "score"])["value"]
    for run in ("vqav2", "okvqa"):
        mean = frame[frame["run"] == run]["score_official"].mean()
        assert mean == pytest.approx(scores[run, "official"])


def test_a_closed_set_has_choices_and_no_text(runs: Path) -> None:
    frame = load_records([runs / "hateful_memes", runs / "okvqa"])
    closed = frame["task"] == "hateful_memes"
    assert frame.loc[closed, "text"].isna().all()
    assert frame.loc[closed, ["label", "choice"]].notna().all().all()
    assert all(sum(each) == pytest.approx(1) for each in frame.loc[closed, "probabilities"])
    assert all(len(each[0]) == 2 for each in frame.loc[closed, "choice_logprobs"])
    assert frame.loc[~closed, "text"].notna().all()
    assert frame.loc[~closed, ["label", "choice", "probabilities"]].isna().all().all()
    assert frame.loc[closed, "score_official"].isna().all()


def test_demonstrations_explode_into_a_row_each(runs: Path) -> None:
    frame = load_records(runs / "okvqa")
    assert len(frame.explode("demonstrations")) == 2 * len(frame)


def test_half_a_surrogate_pair_is_read(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"1": 1.0})
    record = {
        "id": "1",
        "text": "\ud83d",
        "token_ids": [1],
        "logprob": -1.0,
        "finish_reason": "eos",
    }
    rest = {"prompt_sha256": "", "demonstrations": [], "dropped": [], "num_prompt_tokens": 1}
    (run / "records.jsonl").write_text(json.dumps(record | rest) + "\n")
    assert list(load_records(run)["text"]) == ["\ud83d"]


def test_a_query_without_a_record_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"1": 1.0})
    write_query_scores(run, [QueryScore("7", "7", "red", {"official": 1.0})])
    with pytest.raises(ResultsError, match="query 7 has a score and no record"):
        load_records(run)


def test_runs_are_found_by_pattern_by_folder_and_in_lists_each_once(runs: Path) -> None:
    every = [runs / name for name in ("hateful_memes", "okvqa", "vqav2")]
    assert find_runs(f"{runs}/*") == every
    assert find_runs(f"{runs}/**/*") == every
    assert find_runs(runs) == find_runs(str(runs.parent)) == every
    assert find_runs(runs / "okvqa") == [runs / "okvqa"]
    assert find_runs([runs / "vqav2", f"{runs}/*v*"]) == [runs / "vqav2", runs / "okvqa"]


def test_a_relative_pattern_starts_at_the_working_folder(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    assert find_runs("ok*") == [Path("okvqa")]
    assert find_runs("../runs/ok*") == [Path("../runs/okvqa")]
    assert list(load("okvqa")["run"].unique()) == list(
        load(".").query("task == 'okvqa'")["run"].unique()
    )


def test_a_folder_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run[1]*", {"1": 1.0})
    assert find_runs(str(run)) == [run]


def test_patterns_without_a_run_and_unfinished_runs_are_refused_together(tmp_path: Path) -> None:
    unfinished = write_run(tmp_path / "runs" / "half", {"1": 1.0})
    (unfinished / "summary.json").unlink()
    with pytest.raises(ResultsError) as caught:
        load([tmp_path / "runs", f"{tmp_path}/nothing/*"])
    assert f"{unfinished}: not finished; run the same command again" in str(caught.value)
    assert f"{tmp_path}/nothing/*: no run folder" in str(caught.value)
    with pytest.raises(ResultsError, match="no pattern is given"):
        load_records([])
