"""The command line as a user meets it: a real process, its exit code, what stands where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.runner.calls import make_data

HEAVY = ("torch", "transformers", "pandas", "evaluate", "datasets", "sklearn", "scipy")


def evals(*arguments: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "EVALS_DATA_DIR"}
    return subprocess.run(
        [sys.executable, "-m", "evals", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(Path(__file__).parent.parent), **variables},
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with data/<task>/ as the defaults expect it, and one finished run."""
    where = tmp_path_factory.mktemp("work")
    for task in ("vqav2", "okvqa", "hateful_memes"):
        make_data(task, where / "data" / task)
    done = evals("run", "task=vqav2", "model=mock", "shots=0", "run_dir=run", cwd=where)
    assert done.returncode == 0, done.stderr
    return where


def test_run_ends_with_one_json_line_and_leaves_no_hydra_folder(folder: Path) -> None:
    done = evals(
        "run",
        "task=[vqav2,hateful_memes]",
        "model=mock",
        "shots=[0,1]",
        "reference=[Flamingo-9B]",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert len(result["runs"]) == 4
    for run in result["runs"]:
        assert (folder / run["run_dir"] / "summary.json").is_file()
        assert run["num_queries"] >= 3
    assert set(result["runs"][0]["scores"]) == {"official", "normalised"}
    assert "Flamingo-9B" in done.stdout
    assert "run folder: results/runs/vqav2-mock-0shot-seed0-" in done.stdout
    assert {path.name for path in folder.iterdir()} <= {"data", "results", "run"}


def test_the_same_command_again_answers_nothing_and_scores_the_same(folder: Path) -> None:
    records = (folder / "run" / "records.jsonl").read_bytes()
    command = ("run", "task=vqav2", "model=mock", "shots=0", "run_dir=run")
    first, second = (evals(*command, cwd=folder).stdout.splitlines()[-1] for _ in range(2))
    assert first == second
    assert (folder / "run" / "records.jsonl").read_bytes() == records


def test_cfg_prints_the_config_and_runs_nothing(folder: Path) -> None:
    done = evals("run", "task=okvqa", "model=mock", "--cfg", "job", cwd=folder)
    assert done.returncode == 0
    assert "num_support: 2048" in done.stdout
    assert "_target_: tasks.okvqa.okvqa" in done.stdout


def test_a_suite_sets_what_it_names_and_the_command_line_goes_last(folder: Path) -> None:
    done = evals("run", "suite=paper", "model=mock", "seed=7", "--cfg", "job", cwd=folder)
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)
    assert list(shown["tasks"]) == ["vqav2", "okvqa", "coco", "textvqa", "hateful_memes"]
    assert shown["shots"] == [0, 4, 8, 16, 32]
    assert shown["seed"] == 7
    assert shown["model"]["_target_"] == "evals.models.specs.MockSpec"


def test_a_hydra_sweep_runs_every_combination(folder: Path) -> None:
    done = evals(
        "run", "-m", "task=vqav2", "model=mock", "shots=1,2", "run_dir=sweep/${shots}", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (folder / "sweep").iterdir()} == {"1", "2"}
    assert not (folder / "multirun.yaml").exists()
    assert not list((folder / "results" / "runs").glob("*.yaml"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "no task: give task=NAME or suite=NAME"),
        (("run", "task=vqav2", "shot=2"), "Key 'shot' not in 'RunConfig'"),
        (("run", "task=vqa"), "Could not find 'task/vqa'"),
        (("run", "task=vqav2", "model=mock", "limit=0"), "limit=0"),
        (("run", "task=vqav2", "model=mock", "shots=[1,1]"), "a list of different ones"),
        (("run", "task=vqav2", "model=mock", "split=vall"), "vall"),
        (("run", "task=coco", "model=mock"), "dataset_coco.json"),
        (("run", "task=[vqav2,okvqa]", "model=mock", "split=val"), "meant for one task"),
        (("run", "task=vqav2", "model=mock", "demonstrations.sampler=best"), "expected one of"),
        (("run", "task=vqav2", "model=mock", "+tasks.vqav2.colour=red"), "colour"),
        (("run", "task=vqav2", "model=idefics", "model.checkpoint=nowhere"), "nowhere"),
        (("run", "task=vqav2", "model=idefics"), "model.checkpoint"),
        (("score", "nowhere"), "is no run folder"),
        (("score", "task=vqav2"), "give predictions=FILE"),
        (("score", "task=vqav2", "predictions=nowhere"), "no such file"),
        (("export", "nowhere"), "is no run folder"),
        (("table", "nowhere"), "it is no run folder"),
        (("table", "run", "--reference", "Flamingo-7B"), "Flamingo-7B"),
        (("evaluate",), "no command 'evaluate'"),
    ],
)
def test_a_mistake_ends_with_one_message_and_exit_code_2(
    arguments: tuple[str, ...], message: str, folder: Path
) -> None:
    done = evals(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_ends_with_its_traceback_and_exit_code_70(folder: Path) -> None:
    (folder / "broken").mkdir()
    (folder / "broken" / "__init__.py").write_text(
        "from evals.types import Task\n\n"
        "def load(split, source):\n    raise RuntimeError('a bug in a plugin')\n\n"
        "def broken():\n    return Task('broken', 'vqa', load, ())\n"
    )
    (folder / "more" / "task").mkdir(parents=True)
    (folder / "more" / "task" / "broken.yaml").write_text(
        "# @package tasks.broken\n_target_: broken.broken\nsplit: val\nsupport_split: val\n"
    )
    done = evals("run", "--config-dir", "more", "task=broken", "model=mock", cwd=folder)
    assert done.returncode == 70
    assert "RuntimeError: a bug in a plugin" in done.stderr


def test_a_results_file_is_scored_verbatim(folder: Path) -> None:
    annotations = json.loads(
        (folder / "data" / "vqav2" / "v2_mscoco_val2014_annotations.json").read_text()
    )["annotations"]
    results = [{"question_id": row["question_id"], "answer": "Cat!"} for row in annotations]
    (folder / "results.json").write_text(json.dumps(results))
    command = (
        "score",
        "task=vqav2",
        "split=val",
        "data_dir=data/vqav2",
        "predictions=results.json",
    )
    done = evals(*command, cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["run_dir"] is None
    assert result["num_queries"] == len(results)
    assert result["scores"] == {"official": 100.0, "normalised": 100.0}

    (folder / "results.json").write_text(
        json.dumps([*results[1:], {"question_id": 1, "answer": ""}])
    )
    refused = evals(*command, cwd=folder)
    assert refused.returncode == 2
    assert "id 1 is not in the split" in refused.stderr
    assert f"id {results[0]['question_id']} has no answer" in refused.stderr

    (folder / "results.json").write_text(json.dumps(results[1:]))
    partial = evals(*command, "partial=true", cwd=folder)
    assert json.loads(partial.stdout.splitlines()[-1])["num_queries"] == len(results) - 1


def test_an_export_scores_like_its_run(folder: Path) -> None:
    done = evals("export", "run", "--out", "submission", cwd=folder)
    assert done.returncode == 0, done.stderr
    file = done.stdout.splitlines()[-1]
    scored = evals("score", "task=vqav2", f"predictions={file}", cwd=folder)
    again = evals("score", "run", cwd=folder)
    assert (
        json.loads(scored.stdout.splitlines()[-1])["scores"]
        == json.loads(again.stdout.splitlines()[-1])["scores"]
    )


@pytest.mark.parametrize("style", ["md", "latex", "csv"])
def test_a_table_of_a_run_names_the_run_and_the_reference(style: str, folder: Path) -> None:
    done = evals(
        "table", "run", "--reference", "Flamingo-9B,IDEFICS-9B", "--format", style, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    for series in ("mock", "Flamingo-9B", "IDEFICS-9B"):
        assert series in done.stdout


@pytest.mark.parametrize("arguments", [["list"], ["table", "run"], ["--help"], ["--version"]])
def test_commands_without_a_model_import_nothing_heavy(arguments: list[str], folder: Path) -> None:
    program = (
        "import atexit, sys\n"
        f"sys.argv = ['evals', *{arguments!r}]\n"
        f"atexit.register(lambda: print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules))))\n"
        "from evals.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_prompts_are_printed_and_compared(folder: Path) -> None:
    done = evals("prompts", "task=vqav2", "model=mock", "shots=1", "limit=2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("--- vqav2 ") == 2
    assert "<s>Instruction: provide an answer to the question." in done.stdout
    again = ("task=vqav2", "model=mock", "shots=0", "protocol=flamingo", "run_dir=other")
    assert evals("run", *again, cwd=folder).returncode == 0
    done = evals("prompts", "--diff", "run", "other", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "4 prompts differ (3 shown), 0 are equal"


@pytest.mark.parametrize("arguments", [(), ("task=vqav2", "--diff", "run", "run")])
def test_prompts_of_neither_settings_nor_runs_are_misuse(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    done = evals("prompts", *arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("error: evals prompts takes settings")


KEYED = '''
from dataclasses import dataclass

from evals.models.specs import MockSpec


@dataclass(frozen=True)
class KeyedSpec(MockSpec):
    """A model behind a service that wants a key."""

    api_key: str = ""
    url: str = ""
    user: str = ""

    def load(self):
        assert self.api_key == "key-of-the-line"
        assert self.url == "https://me:word-in-url@host/api"
        assert self.user == "of-the-environment"
        return super().load()
'''


def test_no_secret_of_command_line_or_environment_reaches_a_file(folder: Path) -> None:
    (folder / "keyed.py").write_text(KEYED)
    words = [
        *("-m", "task=vqav2", "model=mock", "shots=0", "limit=1,2"),
        "model._target_=keyed.KeyedSpec",
        "+model.api_key=key-of-the-line",
        "+model.url=https://me:word-in-url@host/api",
        "+model.user=${oc.env:MY_SECRET}",
        "run_dir=secretive",
    ]
    places = os.pathsep.join([".", str(Path(__file__).parent.parent)])
    done = evals("run", *words, cwd=folder, MY_SECRET="of-the-environment", PYTHONPATH=places)
    assert done.returncode == 0, done.stderr
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    written = [path for path in texts if "secretive" in path.parts or ".sweep" in path.parts]
    assert {"config.yaml", "multirun.yaml", "answered.json"} <= {path.name for path in written}
    for path in written:
        for secret in (b"key-of-the-line", b"word-in-url", b"of-the-environment"):
            assert secret not in texts[path], path


def test_a_run_may_end_with_its_report(folder: Path) -> None:
    words = ("task=vqav2", "model=mock", "shots=0", "run_dir=reported")
    refused = evals("run", *words, "report=data", cwd=folder)
    assert refused.returncode == 2
    assert "data is not empty and holds no report" in refused.stderr
    assert not (folder / "reported").exists()
    done = evals("run", *words, "report=pages", cwd=folder)
    assert done.returncode == 0, done.stderr
    *_, named, last = done.stdout.splitlines()
    assert named == f"report: {folder / 'pages' / 'index.html'}"
    assert json.loads(last)["num_queries"] == 4
    assert "reported" in (folder / "pages" / "index.html").read_text()
