"""Tab: the words that are offered, and a real bash that asks for them."""

import argparse
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from evals.cli.completing import SHELLS, find_parser
from evals.cli.words import (
    PATHS,
    VALUES,
    offer_folders,
    offer_folders_and_settings,
    offer_series,
    offer_settings,
)
from evals.compose import DemonstrationsConfig, OnError, RunConfig, Sampler, SourceKind
from evals.models.devices import DTYPES
from evals.models.division import Parallel, Quantised
from evals.report.listing import LISTS
from tests.cli.processes import environment

HEAVY = ("torch", "transformers", "pandas", "numpy", "hydra", "omegaconf", "datasets", "evaluate")


def offer(prefix: str, *given: str, config_dir: Path | None = None) -> list[str]:
    words = argparse.Namespace(settings=list(given), config_dir=config_dir)
    return [word for word in offer_settings(prefix, words) if word.startswith(prefix)]


def test_every_setting_of_a_run_is_offered() -> None:
    groups = {"tasks": "task="}
    own = {groups.get(f.name, f"{f.name}=") for f in fields(RunConfig)} - {"demonstrations="}
    nested = {f"demonstrations.{f.name}=" for f in fields(DemonstrationsConfig)}
    offered = offer("")
    assert own | nested | {"suite="} <= {*offered}
    assert len(offered) == len({*offered})


def test_nothing_of_hydras_is_offered() -> None:
    assert not [word for word in offer("") if word.startswith(("hydra", "defaults", "_", "run="))]


def test_values_that_are_offered_are_those_that_are_taken() -> None:
    assert list(VALUES["source"]) == [str(kind) for kind in SourceKind]
    assert list(VALUES["demonstrations.sampler"]) == [str(sampler) for sampler in Sampler]
    assert VALUES["model.dtype"] == DTYPES
    assert VALUES["model.parallel"] == get_args(Parallel)
    assert VALUES["model.quantise"] == get_args(Quantised)
    assert list(VALUES["on_error"]) == [str(choice) for choice in OnError]
    assert {f"{key}=" for key in PATHS - {"predictions"}} <= {*offer("")}


@pytest.mark.parametrize(
    ("prefix", "given", "words"),
    [
        ("task=ok", (), ["task=okvqa"]),
        ("task=[okvqa,co", (), ["task=[okvqa,coco"]),
        ("protocol=id", (), ["protocol=idefics", "protocol=idefics_instruct"]),
        ("source=", (), ["source=files", "source=hub"]),
        ("split=", ("task=okvqa",), ["split=train", "split=val"]),
        ("split=karpathy_t", (), ["split=karpathy_train", "split=karpathy_test"]),
        ("model.max", (), ["model.max_tokens="]),
        ("model.max", ("model=idefics",), []),
        ("model.ch", ("model=idefics",), ["model.checkpoint="]),
        (
            "reference=[Flamingo-9B,Flamingo-80B-f",
            (),
            ["reference=[Flamingo-9B,Flamingo-80B-fine-tuned"],
        ),
        ("nothing=", (), []),
    ],
)
def test_settings_are_completed(prefix: str, given: tuple[str, ...], words: list[str]) -> None:
    assert offer(prefix, *given) == words


def test_a_users_own_tasks_are_offered_with_their_splits(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(
        "_target_: mine.mine\nsplit_sizes:\n  dev: 3  # small\n  test-a: 4\nbenchmark: Mine\n"
    )
    assert offer("task=mi", config_dir=tmp_path) == ["task=mine"]
    assert offer("split=", "task=mine", config_dir=tmp_path) == ["split=dev", "split=test-a"]


def test_paths_are_completed_folders_with_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "file.json").touch()
    (tmp_path / ".hidden").mkdir()
    assert offer_folders("") == ["runs/"]
    assert offer_folders("runs/") == ["runs/one/"]
    assert offer_folders(".") == [".hidden/"]
    assert offer_folders("nowhere/") == []
    assert offer("data_dir=runs/") == ["data_dir=runs/file.json", "data_dir=runs/one/"]
    both = offer_folders_and_settings("", argparse.Namespace(what=[]))
    assert {"runs/", "predictions=", "task="} <= {*both}


def test_series_are_completed_behind_a_comma() -> None:
    assert "Flamingo-9B,IDEFICS-9B" in offer_series("Flamingo-9B,ID")


def test_a_command_without_a_parser_of_its_own_takes_files() -> None:
    parser = find_parser("evals.cli.guard:guard")
    assert parser.parse_args(["a", "b"]).files == ["a", "b"]


ASK = r"""
source "$1"
shift
for line in "$@"; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9 COMPREPLY=()
    _python_argcomplete ./evals
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """`./evals`, which says on its stderr what it had imported when it ended."""
    script = tmp_path / "evals"
    script.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "end = os._exit\n"
        "def tell(code):\n"
        f"    open('imported', 'a').write(' '.join(set({HEAVY!r}) & set(sys.modules)))\n"
        "    end(code)\n"
        "os._exit = tell\n"
        "from evals.cli import main\n"
        "main()\n"
    )
    script.chmod(0o755)
    return script


def test_bash_completes_commands_options_and_settings_and_imports_little(
    program: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    lines = {
        "evals tab": "table ",
        "evals table --form": "--format ",
        "evals table --format m": "md ",
        "evals table ru": "runs/",
        "evals run task=hat": "hateful_memes ",  # bash takes a word to begin behind the =
        "evals run demonstrations.pl": "demonstrations.plan=",
        "evals list ": "\v".join(LISTS),
        "evals completion ": "\v".join(SHELLS),
    }
    script = subprocess.run(
        [program, "completion", "bash"], capture_output=True, env=environment(), check=True
    )
    (tmp_path / "evals.sh").write_bytes(script.stdout)
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", "evals.sh", *lines],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=True,
    )
    answers = [line.strip() for line in done.stdout.splitlines()]
    assert answers == [words.replace("\v", " ").strip() for words in lines.values()], done.stderr
    assert (tmp_path / "imported").read_text() == ""


def test_no_commands_parser_imports_anything_heavy() -> None:
    program = (
        "import sys\n"
        "from evals.cli import COMMANDS\n"
        "from evals.cli.completing import find_parser\n"
        "[find_parser(target) for target in COMMANDS.values()]\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_reads_its_script(shell: str, program: Path, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = subprocess.run(
        [program, "completion", shell], capture_output=True, env=environment(), check=True
    )
    assert b"evals" in script.stdout
    subprocess.run([shell, "-n", "/dev/stdin"], input=script.stdout, check=True)
