"""`evaluate`: what the command line runs, from Python."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from evals import Evaluation, evaluate, load_model
from evals.compose import build_model_spec, compose_config
from evals.errors import ConfigError, DataError, EvalError, ResultsError
from evals.evaluating.loaded import name_loaded
from evals.evaluating.progress import NotebookProgress, choose_progress
from evals.evaluating.words import write_word
from evals.models.mock import MOCK_INFO, MockModel
from evals.progress import RichProgress
from evals.report.table import format_markdown
from evals.runner import score_run
from evals.store import read_config
from evals.summary import read_summary
from evals.trackers import Series
from evals.types import (
    GenerateRequest,
    Generation,
    LogLikelihoodRequest,
    LogLikelihoods,
    Model,
    ModelInfo,
    Prompt,
)
from tests.runner.calls import Silent, make_data
from tests.test_cli import evals


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with data/<task>/ as the defaults expect it."""
    where = tmp_path_factory.mktemp("work")
    for task in ("vqav2", "okvqa", "hateful_memes"):
        make_data(task, where / "data" / task)
    return where


@pytest.fixture
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("EVALS_DATA_DIR", raising=False)


pytestmark = pytest.mark.usefixtures("_inside")


def test_it_runs_what_the_command_line_runs(folder: Path) -> None:
    words = ("task=[vqav2,hateful_memes]", "model=mock", "shots=[0,1]", "protocol=flamingo")
    done = evals("run", *words, "protocol.priming=none", cwd=folder)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout.splitlines()[-1])["runs"]
    records = [(folder / run["run_dir"] / "records.jsonl").read_bytes() for run in runs]

    made = evaluate(
        ["vqav2", "hateful_memes"],
        model="mock",
        shots=[0, 1],
        protocol="flamingo",
        overrides=["protocol.priming=none"],
        progress=False,
    )
    assert [str(run_dir) for run_dir in made.run_dirs] == [run["run_dir"] for run in runs]
    for run_dir, summary, recorded in zip(made.run_dirs, made.summaries, records, strict=True):
        assert (run_dir / "records.jsonl").read_bytes() == recorded
        assert read_summary(run_dir).scores == summary.scores
        assert summary.protocol_changes == ("priming",)


def test_one_run_has_one_summary() -> None:
    made = evaluate("vqav2", model="mock", shots=2, seed=3, run_dir="one", progress=False)
    assert made.run_dirs == (Path("one").absolute(),)
    assert (made.summary.task, made.summary.shots, made.summary.seed) == ("vqav2", 2, 3)
    assert made.summary == read_summary(Path("one"))
    with pytest.raises(FrozenInstanceError):
        made.references = ()  # type: ignore[misc]


def test_several_runs_have_no_single_summary_and_one_table() -> None:
    made = evaluate(["okvqa", "vqav2"], model="mock", shots=0, reference="Flamingo-9B", limit=2)
    with pytest.raises(ResultsError, match="there are 2 runs; `summaries` holds them"):
        made.summary  # noqa: B018
    assert [column.benchmark for column in made.table.columns] == ["VQAv2", "OKVQA"]
    assert "Flamingo-9B" in format_markdown(made.table)


def test_a_notebook_shows_the_table_the_folders_and_the_notes() -> None:
    made = evaluate("vqav2", model="mock", shots=0, run_dir="shown", progress=False)
    noted = replace(made.summary, answered={**made.summary.answered, "notes": ["memory <ran> out"]})
    made = replace(made, summaries=(noted,), references=("Flamingo-9B",))
    text, html = repr(made), made._repr_html_()
    for shown in (text, html):
        for words in ("VQAv2", "mock (idefics)", "Flamingo-9B", "run folder: ", "/shown"):
            assert words in shown
    assert max(map(len, text.splitlines())) <= 100 + len(str(Path.cwd()))
    assert "  note: memory <ran> out" in text
    assert "memory &lt;ran&gt; out" in html
    assert "http" not in html
    assert html.startswith("<pre")


def test_a_table_is_made_of_runs_without_the_scores_of_their_queries() -> None:
    made = evaluate("vqav2", model="mock", shots=[0], run_dir="bare", progress=False)
    (made.run_dirs[0] / "queries.jsonl").unlink()
    assert "VQAv2" in repr(made)


def test_paths_may_be_paths_and_start_at_home(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    made = evaluate(
        "vqav2",
        model="mock",
        split="val",
        support_split="train",
        source="files",
        data_dir="~/data/vqav2",
        image_dir=Path("~/data/vqav2"),
        run_dir=tmp_path / "a, 'b' [c]",
        progress=False,
    )
    assert made.run_dirs == (tmp_path / "a, 'b' [c]",)
    assert read_config(made.run_dirs[0])["data_dir"] == str(folder / "data" / "vqav2")


def test_a_suite_sets_what_it_names_and_arguments_go_last(tmp_path: Path) -> None:
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /task: [vqav2]\n  - override /model: mock\n"
        "shots: [0, 1]\nseed: [0, 1]\n"
    )
    made = evaluate(suite="mine", seed=5, config_dir=tmp_path, progress=False)
    assert [(each.shots, each.seed) for each in made.summaries] == [(0, 5), (1, 5)]


def test_progress_is_shown_on_stderr_or_not_at_all(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    evaluate("vqav2", model="mock", shots=0, run_dir="quiet", progress=False)
    assert capfd.readouterr() == ("", "")
    evaluate("vqav2", model="mock", shots=0, run_dir="loud")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert f"\rvqav2 0 shots {'━' * 20} 4 of 4, " in captured.err
    assert captured.err.endswith("\r" + len("vqav2 0 shots: scores ...") * " ")


def test_a_notebooks_line_renews_itself(capsys: pytest.CaptureFixture[str]) -> None:
    progress = NotebookProgress()
    assert list(progress.track(range(3), "known", total=3)) == [0, 1, 2]
    assert list(progress.track(range(2), "unknown")) == [0, 1]
    assert list(progress.track([], "nothing", total=0)) == []
    with pytest.raises(KeyError), progress.wait("waiting"):
        raise KeyError
    known, unknown, waiting = capsys.readouterr().err.split("\n")
    assert known.startswith("\rknown ━━━━━━────────────── 1 of 3, ")
    assert known.split("\r")[-1].startswith(f"known {'━' * 20} 3 of 3")
    assert unknown.startswith("\runknown 1 in 0:00:00, ")
    assert waiting == "\rwaiting ...\r           "


def test_a_terminal_has_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert isinstance(choose_progress(shown=True), RichProgress)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({}, ConfigError, "no task: give task=NAME"),
        ({"task": "okvqa", "model": "none"}, ConfigError, "Could not find 'model/none'"),
        ({"task": "okvqa", "model": "idefics"}, ConfigError, "model.checkpoint"),
        ({"task": "okvqa", "model": "mock", "limit": 0}, ConfigError, "limit=0"),
        ({"task": "okvqa", "model": "mock", "shots": {"a": 1}}, ConfigError, "shots={'a': 1}"),
        (
            {"task": "okvqa", "model": "mock", "seeds": [1]},
            ConfigError,
            "no argument of `evaluate`",
        ),
        ({"task": "okvqa", "model": MockModel(), "device": "cpu"}, ConfigError, "device: no arg"),
        (
            {"task": "okvqa", "model": "mock", "overrides": ["a=1"]},
            ConfigError,
            "Could not override 'a'",
        ),
        ({"task": "coco", "model": "mock"}, DataError, "dataset_coco.json"),
    ],
)
def test_a_mistake_is_the_command_lines_error(
    arguments: dict[str, object], kind: type[EvalError], message: str
) -> None:
    with pytest.raises(kind) as raised:
        evaluate(**arguments, progress=False)  # type: ignore[arg-type]
    assert message in str(raised.value)


def test_a_loaded_model_of_ours_runs_as_its_name_does() -> None:
    model = load_model("tiny", batch_size=2)
    loaded = evaluate("vqav2", model=model, shots=1, limit=2, run_dir="loaded", progress=False)
    named = evaluate("vqav2", model="tiny", shots=1, limit=2, run_dir="named", progress=False)
    assert loaded.summary.is_mini
    assert loaded.summary.hash == named.summary.hash
    assert loaded.summary.scores == named.summary.scores
    kept, meant = (read_config(made.run_dirs[0])["model"] for made in (loaded, named))
    assert kept == {**meant, "dtype": "float32"}


def test_a_loaded_model_that_is_quantised_is_told_by_its_settings() -> None:
    info = replace(MOCK_INFO, name="idefics", checkpoint="/a", dtype="bfloat16, int8 weights")
    words = name_loaded(cast("Model", SimpleNamespace(info=info)))
    assert {write_word("model.dtype", "bfloat16"), write_word("model.quantise", "int8")} < {*words}


@dataclass(frozen=True)
class Parrot:
    """Somebody's model: says what it is told to."""

    word: str
    max_tokens: int = 2048
    notes: tuple[str, ...] = ()

    @property
    def info(self) -> ModelInfo:
        return replace(MOCK_INFO, name="parrot", checkpoint=self.word, fingerprint=self.word)

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return len(prompt) + bos

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        for request in requests:
            yield Generation(request.id, self.word, (1,), -1.0, 1, "eos")

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        for request in requests:
            scores = tuple(-float(number) for number, _ in enumerate(request.choices))
            yield LogLikelihoods(request.id, scores, (1,) * len(scores), 1)


def test_anybodys_model_runs_and_its_run_can_be_scored_again() -> None:
    made = evaluate("vqav2", model=Parrot("cat"), shots=0, run_dir="parrot", progress=False)
    assert made.summary.model == "cat-parrot"
    assert made.summary.scores["official"]["value"] == 1
    (run_dir,) = made.run_dirs
    score_run(run_dir, Silent())
    assert read_summary(run_dir).scores == made.summary.scores
    spec = build_model_spec(read_config(run_dir)["model"])
    with pytest.raises(ConfigError, match=r"parrot \(cat\) was an object of a Python session"):
        spec.describe()


def test_a_report_is_written_of_the_runs() -> None:
    made = evaluate("vqav2", model="mock", shots=0, report="pages", progress=False)
    assert made.report == Path("pages").absolute() / "index.html"
    assert made.report.is_file()
    assert f"report: {made.report}" in repr(made)


@dataclass
class Notebook:
    """A tracker that notes what it is told, or refuses."""

    refuses: bool = False

    def check(self) -> None:
        pass

    def log(self, series: Series) -> str:
        if self.refuses:
            raise OSError("the server is away")
        Path("noted.txt").write_text(f"{series.name()}: {sorted(series.points)}")
        return "noted.txt"


def test_a_tracker_gets_the_runs_and_costs_none_where_it_fails() -> None:
    words = ["tracker._target_=tests.test_evaluating.Notebook"]
    words[0] = f"+{words[0]}" if "_target_" not in tracker_settings() else words[0]
    evaluate("vqav2", model="mock", shots=[0, 1], overrides=words, progress=False)
    assert Path("noted.txt").read_text() == "mock (idefics), seed 0: [0, 1]"
    words.append("+tracker.refuses=true")
    with pytest.warns(UserWarning, match="not all are logged: the server is away; `evals track`"):
        made = evaluate("vqav2", model="mock", shots=0, overrides=words, progress=False)
    assert made.summary.scores


def tracker_settings() -> Mapping[str, object]:
    node: Mapping[str, object] | None = compose_config(["task=vqav2"])["tracker"]
    return node or {}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_a_text_is_read_as_it_was_given(text: str) -> None:
    for value, meant in ((text, text), ([text, 1, True, None], [text, 1, True, None])):
        (override,) = OverridesParser.create().parse_overrides([write_word("key", value)])
        read = override.value()
        plain = [
            getattr(each, "text", each) for each in (read if isinstance(read, list) else [read])
        ]
        assert plain == (meant if isinstance(meant, list) else [meant])


def test_importing_evals_imports_nothing_else() -> None:
    program = (
        "import sys, evals; print([name for name in sys.modules if name.startswith('evals.')]);"
        "from evals import evaluate, load_model, Evaluation;"
        "print(sorted({'torch', 'hydra', 'rich', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n[]\n"


def test_evals_offers_what_it_names() -> None:
    import evals as package

    assert isinstance(Evaluation, type)
    assert {name for name in package.__all__ if getattr(package, name)} == set(package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # type: ignore[attr-defined]  # noqa: B018
