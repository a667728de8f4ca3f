"""The harness around the mock: what is measured is a whole run of the harness."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals.bench.harness import measure_run
from evals.bench.questions import QUESTIONS_A_PICTURE, write_vqav2
from evals.records import read_records
from evals.summary import read_summary
from evals.types import Image

QUERIES = 60


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harness") / "vqav2"
    write_vqav2(folder, num_queries=QUERIES)
    return folder


def test_every_picture_has_bytes_of_its_own(data_dir: Path) -> None:
    pictures = [Image(path) for path in (data_dir / "val2014").iterdir()]
    assert len({picture.sha256 for picture in pictures}) == QUERIES / QUESTIONS_A_PICTURE


def test_a_measured_run_is_planned_answered_recorded_and_scored(
    data_dir: Path, tmp_path: Path
) -> None:
    made = measure_run(data_dir, tmp_path / "run", limit=50, shots=3)
    assert (made.queries, made.shots) == (50, 3)
    records = list(read_records(tmp_path / "run"))
    assert len(records) == 50
    assert all(len(record.demonstrations) == 3 for record in records)
    assert read_summary(tmp_path / "run").scores["official"]["num_examples"] == 50
    parts = made.plan_seconds + made.answer_seconds + made.score_seconds
    assert 0 < parts <= made.run_seconds
    assert made.load_seconds > 0
    assert made.resume_seconds > 0


def test_the_last_line_is_json_of_three_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evals.bench.harness", "--queries", "80", "--shots", "2"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    runs = json.loads(done.stdout.splitlines()[-1])["runs"]
    assert [(run["queries"], run["shots"]) for run in runs] == [(80, 2), (80, 0), (10, 0)]
    assert all(run["queries_per_second"] > 0 for run in runs)


def test_a_wrong_number_is_told_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evals.bench.harness", "--shots", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == "error: --queries is 8 or more, --shots 1 or more\n"
