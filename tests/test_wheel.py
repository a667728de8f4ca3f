"""A built wheel works outside the checkout: all it needs travels inside `evals/`."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, as pip would put them into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--wheel",
            "--outdir",
            folder,
            REPOSITORY,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return folder / "site-packages"


def run_installed(*arguments: str, installed: Path, cwd: Path) -> str:
    # -P keeps the working folder, and isolation keeps the editable checkout, off the path.
    program = (
        f"import sys; sys.path = [{str(installed)!r}] + "
        f"[p for p in sys.path if p != {str(REPOSITORY)!r}]; "
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]; "
        f"sys.argv = ['evals', *{list(arguments)!r}]; import evals; "
        f"assert evals.__file__.startswith({str(installed)!r}), evals.__file__; "
        "from evals.cli import main; main()"
    )
    environment = {key: value for key, value in os.environ.items() if key != "EVALS_DATA_DIR"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_lists_its_configs_and_references(installed: Path, tmp_path: Path) -> None:
    listed = run_installed("list", installed=installed, cwd=tmp_path)
    for word in ("hateful_memes", "transformers", "openflamingo", "Flamingo-9B"):
        assert word in listed


def test_it_evaluates_the_shipped_checkpoint_on_the_mini_benchmarks(
    installed: Path, tmp_path: Path
) -> None:
    command = ("run", "task=vqav2", "shots=1", "limit=2", "reference=[Flamingo-9B]")
    printed = run_installed(*command, installed=installed, cwd=tmp_path)
    assert json.loads(printed.splitlines()[-1])["num_queries"] == 2
    assert "mini" in printed


@pytest.mark.slow
def test_pip_puts_it_into_an_empty_environment(tmp_path: Path) -> None:
    """As a user does: the wheel and what it needs, nothing of this checkout."""
    environment, work = tmp_path / "environment", tmp_path / "work"
    work.mkdir()
    building = ["-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path)]
    subprocess.run([sys.executable, *building, REPOSITORY], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    installing = ["install", "--quiet", "--constraint", str(REPOSITORY / "requirements.lock")]
    subprocess.run([environment / "bin" / "pip", *installing, wheel], check=True)
    variables = {key: value for key, value in os.environ.items() if key != "EVALS_DATA_DIR"}

    def evals(*words: str) -> str:
        done = subprocess.run(
            [environment / "bin" / "evals", *words],
            cwd=work,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Flamingo-9B" in evals("list", "references")
    printed = evals("run", "suite=demo", "limit=3", "shots=1", "run_dir=runs")
    assert "report: " in printed
    assert (work / "results" / "report" / "queries.html").is_file()
    assert (work / "results" / "report" / "static" / "chart.umd.min.js").is_file()
    assert len(json.loads(printed.splitlines()[-1])["runs"]) == 5
