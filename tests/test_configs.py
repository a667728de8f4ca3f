"""configs/: what each file says first, and that each composes and builds what it names."""

import json
import logging
import logging.config
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from hydra.utils import instantiate

from evals import evaluate
from evals.compose import (
    build_model_spec,
    build_task,
    build_tracker,
    compose_config,
    register_schema,
)
from evals.config import Settings, parse_config
from evals.execution.execution import open_execution
from evals.protocol_changes import find_changes
from evals.resources import configs_dir
from evals.trackers import Tracker, open_tracker
from evals.types import Task
from tests.runner.calls import make_data
from tests.test_cli import evals

FILES = sorted(configs_dir().rglob("*.yaml"))
NAMES = [str(path.relative_to(configs_dir()).with_suffix("")) for path in FILES]
FIRST_LINE = re.compile(r"# (?P<what>\S.*\S) {2,}(?P<command>evals run \S.*)")


def read_first_line(path: Path) -> str:
    """Return the first line after Hydra's own (`# @package ...`), which must come before all."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if not line.startswith("# @"))


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_first_line_says_what_it_is_and_how_to_run_it(path: Path, tmp_path: Path) -> None:
    skip_without_launcher(path)
    line = read_first_line(path)
    found = FIRST_LINE.fullmatch(line)
    assert found, f"{path}: {line!r}; write `# What it is.    evals run {path.parent.name}=...`"
    _, _, *words = shlex.split(found["command"].replace("DIR", str(tmp_path)))
    group, name = path.relative_to(configs_dir()).parent.as_posix(), path.stem
    chosen = {"run": "--cfg"}.get(name, f"{group}={name}")
    assert chosen in words, f"the command of {path} does not choose it"
    compose_config([word for word in words if word not in ("--cfg", "job", "-m")])


def compose(*words: str) -> Settings:
    return parse_config(compose_config(["model=mock", *words]))


def check_run(name: str) -> None:
    settings = compose("task=okvqa")
    assert (settings.shots, settings.seeds, settings.protocol.name) == ((4,), (0,), "idefics")


def check_task(name: str) -> None:
    (task,) = compose(f"task={name}").tasks
    built = build_task(task.name, task.plugin)
    assert isinstance(built, Task)
    assert built.name == task.name == name
    assert {task.split, task.support_split} <= set(task.split_sizes)
    assert compose(f"task={name}", "source=hub").tasks[0].source.hub


def check_model(name: str) -> None:
    values = yaml.safe_load((configs_dir() / "model" / f"{name}.yaml").read_text())
    required = [f"model.{key}=given" for key, value in values.items() if value == "???"]
    node = compose_config([f"model={name}", *required])["model"]
    spec = build_model_spec(node)
    assert callable(spec.describe)
    assert callable(spec.load)
    for key in node.keys() - {"_target_"}:
        assert getattr(spec, key) == node[key]


def check_protocol(name: str) -> None:
    settings = compose("task=okvqa", f"protocol={name}")
    protocol, (task,) = settings.protocol, settings.tasks
    assert protocol.name == name
    assert find_changes(protocol, build_task(task.name, task.plugin)) == ()


def check_suite(name: str) -> None:
    settings = compose(f"suite={name}")
    assert settings.num_runs > 1
    assert settings.references


def check_tracker(name: str) -> None:
    node = compose_config(["task=okvqa", f"tracker={name}"])["tracker"]
    if node["_target_"] is None:
        assert open_tracker(node) is None
    else:
        tracker = build_tracker(node)
        assert isinstance(tracker, Tracker)
        for key in node.keys() - {"_target_"}:
            assert getattr(tracker, key) == node[key]


def check_execution(name: str) -> None:
    node = compose_config(["task=okvqa", f"execution={name}"])["execution"]
    execution = open_execution(node)
    if node["_target_"] is None:
        assert execution is None
    for key in node.keys() - {"_target_"}:
        assert getattr(execution, key) == node[key]


def check_hydra(name: str) -> None:
    group, _, file = name.partition("/")
    if group == "launcher":
        check_launcher(file)
    else:
        check_logging(group, file)


def skip_without_launcher(path: Path) -> None:
    if path.parent.name == "launcher":
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="pip install .[slurm]")


def check_launcher(name: str) -> None:
    """Hydra knows which settings there are; tests/test_sweeps.py launches."""
    skip_without_launcher(configs_dir() / "hydra" / "launcher" / name)
    register_schema()
    with hydra.initialize_config_dir(str(configs_dir()), version_base="1.3"):
        words = ["task=okvqa", f"hydra/launcher={name}"]
        launcher = hydra.compose("run", words, return_hydra_config=True).hydra.launcher
    values = yaml.safe_load((configs_dir() / "hydra" / "launcher" / f"{name}.yaml").read_text())
    assert "submitit_launcher" in launcher._target_
    for key in values.keys() - {"defaults"}:
        assert launcher[key] == values[key]


def check_logging(group: str, file: str) -> None:
    content = yaml.safe_load((configs_dir() / "hydra" / group / f"{file}.yaml").read_text())
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logging.config.dictConfig(content)
        assert [getattr(handler, "stream", None) for handler in root.handlers] != []
        assert root.level == logging.WARNING
    finally:
        root.handlers[:], root.level = before


CHECKS: Mapping[str, Callable[[str], None]] = {
    "": check_run,
    "task": check_task,
    "model": check_model,
    "protocol": check_protocol,
    "suite": check_suite,
    "tracker": check_tracker,
    "execution": check_execution,
    "hydra": check_hydra,
}
"""Group -> builds a file of it. A new group brings its check."""


@pytest.mark.parametrize("name", NAMES)
def test_it_composes_and_builds_what_it_names(name: str) -> None:
    group, _, rest = name.rpartition("/") if name.count("/") < 2 else name.partition("/")
    assert group in CHECKS, f"configs/{group}/ is a new group; say in CHECKS what its files build"
    CHECKS[group](rest)


PLUGIN = '''
"""A task and a model of somebody's own package."""

from dataclasses import dataclass

from evals.data.annotation_files import choose_split
from evals.metrics import OFFICIAL
from evals.models.mock import MockModel
from evals.types import Example, ExampleSet, Image, ModelInfo, Task


def load(split, source):
    shade = choose_split({"train": 10, "test": 200}, split, task="shades")
    examples = tuple(
        Example(f"{split}{number}", Image(source.data_dir / f"{shade}.png"), "Bright?", ("red",))
        for number in range(3)
    )
    return ExampleSet(examples, files=(source.data_dir / "shades.txt",))


def shades() -> Task:
    return Task(name="shades", kind="vqa", load=load, metrics=(OFFICIAL,))


@dataclass(frozen=True)
class Echo(MockModel):
    word: str = ""

    @property
    def info(self):
        return ModelInfo("echo", "echo", f"echo {self.word}", {}, "none", "none")


@dataclass(frozen=True)
class EchoSpec:
    word: str

    def describe(self):
        return self.load().info

    def load(self):
        return Echo(word=self.word)
'''
TASK_YAML = """\
# @package tasks.shades
# Shades: questions about one colour.    evals run task=shades
_target_: somebodys.plugin.shades
split: test
support_split: train
split_sizes: {train: 3, test: 3}
"""
MODEL_YAML = """\
# Echo: says a word.    evals run model=echo task=shades
_target_: somebodys.plugin.EchoSpec
word: hello
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with somebody's package, its configs and its data."""
    from PIL import Image

    where = tmp_path_factory.mktemp("somebody")
    for folder in ("somebodys", "somebodys/configs", "data/shades"):
        (where / folder).mkdir(parents=True)
    for file in ("__init__.py", "configs/__init__.py"):
        (where / "somebodys" / file).touch()
    (where / "somebodys" / "plugin.py").write_text(PLUGIN)
    for group, name, text in (("task", "shades", TASK_YAML), ("model", "echo", MODEL_YAML)):
        (where / "somebodys" / "configs" / group).mkdir()
        (where / "somebodys" / "configs" / group / f"{name}.yaml").write_text(text)
    for shade in (10, 200):
        Image.new("RGB", (4, 4), (shade, 0, 0)).save(where / "data" / "shades" / f"{shade}.png")
    (where / "data" / "shades" / "shades.txt").write_text("red\n")
    return where


@pytest.fixture
def _importable(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import sys

    monkeypatch.syspath_prepend(package)
    monkeypatch.chdir(package)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "somebodys"]:
        del sys.modules[name]


def test_a_sweep_runs_a_task_and_a_model_of_another_package(package: Path) -> None:
    words = (
        *("run", "-m", f"hydra.searchpath=[{(package / 'somebodys' / 'configs').as_uri()}]"),
        *("task=shades", "model=echo", "model.word=hi,ho", "shots=0,2", "seed=1"),
    )
    checkout = str(Path(__file__).parent.parent)
    places = os.pathsep.join([str(package), checkout])
    done = evals(*words, cwd=package, PYTHONPATH=places)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == 4
    runs = [json.loads((package / line["run_dir"] / "identity.json").read_text()) for line in lines]
    assert {(run["run"]["shots"], run["model"]["fingerprint"]) for run in runs} == {
        *((0, "echo hi"), (2, "echo hi"), (0, "echo ho"), (2, "echo ho")),
    }


def test_a_sweep_runs_every_combination_of_ours(tmp_path: Path) -> None:
    for task in ("okvqa", "hateful_memes"):
        make_data(task, tmp_path / "data" / task)
    words = ("task=okvqa,hateful_memes", "protocol=idefics,flamingo", "model=mock", "limit=1")
    done = evals("run", "-m", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summaries = [
        json.loads(path.read_text()) for path in tmp_path.glob("results/runs/*/summary.json")
    ]
    assert sorted((each["task"], each["protocol"]) for each in summaries) == [
        ("hateful_memes", "flamingo"),
        ("hateful_memes", "idefics"),
        ("okvqa", "flamingo"),
        ("okvqa", "idefics"),
    ]


@pytest.mark.usefixtures("_importable")
@pytest.mark.parametrize("place", ["pkg://somebodys.configs", "file"])
def test_configs_are_found_in_a_package_or_a_folder(place: str, package: Path) -> None:
    place = (package / "somebodys" / "configs").as_uri() if place == "file" else place
    words = [f"hydra.searchpath=[{place}]"]
    made = evaluate("shades", model="echo", shots=1, overrides=words, progress=False)
    assert made.summary.model == "echo-echo"
    assert made.summary.num_official == made.summary.num_queries == 3


@pytest.mark.usefixtures("_importable")
def test_a_task_and_a_model_need_no_yaml(package: Path) -> None:
    """`_target_` on the command line says as much as a file does."""
    values: Mapping[str, Any] = compose_config(
        [
            "task=okvqa",
            "tasks.okvqa._target_=somebodys.plugin.shades",
            "~model",
            "+model._target_=somebodys.plugin.EchoSpec",
            "+model.word=hello",
            "split=test",
            "data_dir=data/shades",
        ]
    )
    settings = parse_config(values)
    assert build_task("okvqa", settings.tasks[0].plugin).name == "shades"
    assert settings.model.describe().name == "echo"
    assert instantiate(values["model"]) == settings.model
