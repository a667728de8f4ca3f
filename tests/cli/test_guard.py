"""What a command ends with where memory runs out, or where a model does not keep its promises."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from evals.cli.checking import check
from evals.cli.guard import INTERNAL_ERROR, MISUSE, guard
from evals.models.mock import MOCK_INFO, MockModel
from evals.records import read_records
from evals.runner import Session, run_all
from evals.types import GenerateRequest, Generation, ModelInfo
from tests.runner.calls import Silent, make_data, open_session
from tests.test_cli import evals


def test_memory_that_runs_out_anywhere_is_no_bug_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert guard(lambda: bytearray(1 << 60).clear()) == MISUSE
    told = capsys.readouterr().err
    assert told.startswith("error: this machine's memory ran out (")
    assert "Traceback" not in told


def test_a_bug_of_ours_still_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(lambda: {}["memory"]) == INTERNAL_ERROR
    assert "please report" in capsys.readouterr().err


@dataclass(frozen=True)
class Broken(MockModel):
    """The mock, until its second answer."""

    how: str = ""

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        for number, answer in enumerate(super().generate(requests)):
            match number, self.how:
                case 1, "memory":
                    bytearray(1 << 60)
                case 1, "gpu":
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
                case 2, "less":
                    return
            yield answer
            if (number, self.how) == (1, "twice"):
                yield answer


@dataclass(frozen=True)
class BrokenSpec:
    how: str = ""
    max_tokens: int = 2048

    def list_savings(self) -> list[str]:
        return ["model.batch_size=1: less at a time"]

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> Broken:
        if self.how == "loading":
            torch.empty(1 << 45, dtype=torch.uint8)
        return Broken(how=self.how)


SAVED = "Run it again with what takes less:\n  - model.batch_size=1: less at a time\n"


@pytest.mark.parametrize(
    ("how", "messages", "num_recorded"),
    [
        ("loading", ["this machine's memory ran out (", "while the model was loaded.", SAVED], 0),
        ("memory", ["this machine's memory ran out (", "what was answered is kept.", SAVED], 1),
        ("gpu", ["the GPU's memory ran out (", "2.00 GiB more were wanted) while", SAVED], 1),
        ("twice", ["model mock (mock): request", "is answered twice"], 2),
        ("less", ["ended without an answer to some requests"], 2),
    ],
)
def test_a_model_that_fails_is_told_and_what_it_answered_is_kept(
    how: str,
    messages: list[str],
    num_recorded: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = make_data("vqav2", tmp_path / "data")
    run_dir = tmp_path / "run"
    words = ("task=vqav2", "model=mock", "shots=0", f"data_dir={data}", f"run_dir={run_dir}")
    settings = open_session(*words).settings

    def run(how: str) -> int:
        session = Session(replace(settings, model=BrokenSpec(how)), Silent())
        return guard(lambda: [*run_all(session)].clear())

    assert run(how) == MISUSE
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "Traceback" not in told
    for message in messages:
        assert message in told
    assert len(list(read_records(run_dir))) == num_recorded
    assert run("") == 0
    assert len(list(read_records(run_dir))) == 4


TARGET = f"model._target_={BrokenSpec.__module__}.{BrokenSpec.__qualname__}"


def test_so_is_a_model_that_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(lambda: check(["model=mock", TARGET, "+model.how=loading"])) == MISUSE
    assert SAVED in capsys.readouterr().err
    assert guard(lambda: check(["model=mock", TARGET, "+model.how=memory"])) == MISUSE
    assert "memory ran out" in capsys.readouterr().err


def test_so_is_one_that_the_command_line_names(tmp_path: Path) -> None:
    """With a plugin that the command line names."""
    make_data("vqav2", tmp_path / "data" / "vqav2")
    words = ("task=vqav2", "model=mock", "shots=0", "+model.how=loading")
    done = evals("run", *words, TARGET, cwd=tmp_path)
    assert done.returncode == 2
    assert SAVED in done.stderr
    assert "Traceback" not in done.stderr
