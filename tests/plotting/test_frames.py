"""A results table as pandas frames."""

from pathlib import Path

import pandas as pd
import pytest

from evals.errors import ConfigError
from evals.plotting import read_table, to_frame, to_tidy
from evals.report.formats import CSV_COLUMNS
from evals.report.layout import build_table
from evals.report.references import select_references
from evals.report.table import format_csv
from tests.comparison.made_runs import write_run
from tests.plotting.drawn import REFERENCES, make_table
from tests.report.made_runs import make_run, make_score


def test_a_frame_has_the_tables_rows_and_columns() -> None:
    table = make_table(["okvqa", "coco"], shots=(0, 4), seeds=1, references=["Flamingo-9B"])
    frame = to_frame(table)
    assert frame.index.names == ["series", "shots"]
    assert list(frame.columns) == ["OK-VQA (raw answers)", "COCO (CIDEr)"]
    assert list(frame.index) == [
        ("idefics-9b (idefics)", 0),
        ("idefics-9b (idefics)", 4),
        ("Flamingo-9B", 0),
        ("Flamingo-9B", 4),
    ]
    assert frame.loc[("Flamingo-9B", 4), "COCO (CIDEr)"] == 93.1
    assert frame.loc[("idefics-9b (idefics)", 0), "COCO (CIDEr)"] == pytest.approx(93.01)
    assert "protocol: idefics, not flamingo" in frame.attrs["not_comparable"]


def test_what_has_no_number_is_missing_and_a_fine_tuned_model_has_no_shots() -> None:
    unscored = make_run("coco", scores={"cider": make_score(None, None, "no java")})
    published = select_references(REFERENCES, ["Flamingo-80B-fine-tuned"])
    frame = to_frame(build_table([make_run("vqav2"), unscored], published))
    assert list(frame.dtypes) == ["float64", "float64"]
    assert pd.isna(frame["COCO (CIDEr)"].iloc[0])
    assert frame.index[-1][0] == "Flamingo-80B-fine-tuned"
    assert pd.isna(frame.index[-1][1])


def test_a_frame_prints_as_latex_and_markdown_of_ones_own() -> None:
    frame = to_frame(make_table(["coco"], shots=(0,), references=["Flamingo-9B"]))
    assert r"Flamingo-9B & 0 & 79.4" in frame.to_latex(float_format="%.1f")


def test_the_tidy_frame_has_every_number_with_its_error() -> None:
    table = make_table(["okvqa", "coco"])
    frame = to_tidy(table)
    assert tuple(frame.columns) == CSV_COLUMNS
    assert len(frame) == len(format_csv(table).splitlines()) - 1
    published = frame[(frame["series"] == "OpenFlamingo-9B") & (frame["against"] == "")]
    assert published["num_seeds"].isna().all()
    assert published["std_of_seeds"].notna().all()
    differences = frame[frame["against"] == "Flamingo-9B"]
    assert differences["in_standard_errors"].notna().all()


def test_the_tidy_frames_dtypes_do_not_depend_on_the_runs() -> None:
    one = to_tidy(build_table([make_run(scores={"raw_answers": make_score(None, None)})]))
    other = to_tidy(make_table())
    assert dict(one.dtypes) == dict(other.dtypes)
    assert str(one["shots"].dtype) == "Int64"
    assert str(one["value"].dtype) == "float64"


def test_runs_are_read_for_some_benchmarks_and_with_the_error_of_queries(tmp_path: Path) -> None:
    for seed in range(2):
        values = {"1": 0.0, "2": 1.0, "3": seed / 2}
        write_run(tmp_path / f"a{seed}", values, seed=seed, hash=f"a{seed}")
        write_run(tmp_path / f"b{seed}", values, task="okvqa", benchmark="OKVQA", seed=seed)
    table = read_table(tmp_path, benchmarks=["OK-vqa"])
    assert [column.benchmark for column in table.columns] == ["OKVQA"]
    assert to_tidy(table)["error_of_queries"].notna().all()
    with pytest.raises(ConfigError, match="benchmark coco, gqa; these runs are of vqav2, okvqa"):
        read_table(tmp_path, benchmarks=["coco", "gqa", "vqav2"])
