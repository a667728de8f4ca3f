"""The command as a user meets it, also where next to nothing is installed."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from evals.bench.command import parse_options
from evals.errors import ConfigError

REPOSITORY = Path(__file__).parent.parent.parent
INSTALLED = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "Pillow")
ABSENT = ("hydra", "omegaconf", "pandas", "datasets", "evaluate", "pycocoevalcap", "scipy", "rich")


def run(
    *arguments: str, flags: tuple[str, ...] = (), path: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    places = [str(place) for place in (path, REPOSITORY) if place]
    return subprocess.run(
        [sys.executable, *flags, "-m", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The few packages that a bare GPU machine has, with what they themselves need."""
    folder = tmp_path_factory.mktemp("site")
    wanted, seen = list(INSTALLED), set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in seen or name == "rich":
            continue
        seen.add(name)
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # needed on another platform
        for need in package.requires or ():
            if "extra ==" not in need:
                wanted.append(re.split(r"[ ;<>=!~\[(]", need)[0])
        for file in package.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(package.locate_file(top))))
    return folder


@pytest.mark.slow
def test_the_bench_runs_where_little_is_installed(bare_site: Path) -> None:
    """Without site-packages (-S), but for these; so the engine imports nothing else either."""
    probe = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", probe, *ABSENT, "torch"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(bare_site)},
    )
    assert done.stdout.strip() == "['torch']"

    words = ("--quick", "--cases", "random-1", "--queries", "4", "--threads", "1")
    done = run("evals.bench", *words, flags=("-S",), path=bare_site)
    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.splitlines()
    assert table[0].split()[:3] == ["case", "prompts/s", "theirs"]
    assert table[1].split()[0] == "random-1"
    values = json.loads(last)
    assert (values["config"], values["threads"], values["dtype"]) == ("quick", 1, "float32")
    [case] = values["cases"]
    assert case["case"] == "random"
    assert case["outputs_equal"] is True
    assert case["queries"] == case["compared"] == 4
    assert case["ratio"] > 0
    assert case["picture_swap"] > 0.1


@pytest.mark.parametrize("module", ["evals.bench", "evals"])
def test_help_needs_no_torch_and_names_the_options(module: str) -> None:
    done = run(
        module, *(["bench"] if module == "evals" else []), "--help", flags=("-X", "importtime")
    )
    assert done.returncode == 0, done.stderr
    for option in ("--quick", "--config", "--cases", "--rounds", "--queries", "--threads"):
        assert option in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "evals.bench.cases" in imported  # by the command's module
    assert not imported & {"torch", "transformers", "numpy", *ABSENT}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cases", "random-4,nonsense"], "'nonsense' is no case"),
        (["--rounds", "0"], "--rounds 0: choose 1 or more"),
        (["--queries", "-3"], "--queries -3"),
        (["--work-dir", "nowhere/at/all"], "nowhere/at/all is no folder"),
    ],
)
def test_options_that_do_not_fit_are_told(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_options(arguments)


def test_options_override_the_configs_own() -> None:
    options = parse_options(["--quick", "--cases", "beams-2", "--queries", "7", "--rounds", "5"])
    assert (options.config.name, options.num_queries, options.rounds) == ("quick", 7, 5)
    assert [case.name for case in options.cases] == ["beams-2"]
    assert parse_options([]).config.name == "bench"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--config", "9b"), "this torch sees none"),
        (("--device", "cuda"), "this torch sees no GPU; choose cpu"),
        (("--device", "toaster"), "choose auto, cpu, cuda or cuda:N"),
        (("--threads", "100000"), "this machine has"),
    ],
)
def test_a_machine_that_cannot_is_told_in_one_line(
    arguments: tuple[str, ...], message: str
) -> None:
    import torch

    if torch.cuda.is_available() and "threads" not in arguments[0]:
        pytest.skip("there is a GPU here")
    done = run("evals", "bench", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stdout == ""
