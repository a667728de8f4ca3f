"""Answers from workers on two nodes: the same as here, whoever dies, hangs, fails or joins."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImages

from evals.errors import (
    CheckpointError,
    ConfigError,
    EvalError,
    ModelError,
    OutOfMemoryError,
    PromptError,
    WorkerError,
)
from evals.execution.cluster import list_nodes
from evals.execution.model import SpreadModel
from evals.execution.ray import RayExecution
from evals.models.mock import MockModel
from evals.models.specs import MockSpec
from evals.records import read_records
from evals.runner import run_all
from evals.store import read_config
from evals.types import (
    Decoding,
    GenerateRequest,
    Image,
    LogLikelihoodRequest,
    ModelSpec,
    Segment,
    Text,
)
from tests.cli.processes import EVALS, run_piped
from tests.execution.clusters import RAYS_OWN, find_crew, open_spread, start_cluster
from tests.execution.toys import BranchSpec, ToySpec
from tests.runner.calls import make_data
from tests.runner.test_tiny import assert_same_answers


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with start_cluster(num_nodes=2) as started:
        yield started


@contextmanager
def spread(spec: ModelSpec, cluster: Any, **settings: Any) -> Iterator[SpreadModel]:
    execution = RayExecution(address=cluster.address, cpus_per_worker=1, **settings)
    with execution.spread(spec) as spread_spec:
        model = spread_spec.load()
        assert isinstance(model, SpreadModel)
        yield model


def ask(*texts: str) -> list[GenerateRequest]:
    return [
        GenerateRequest(f"q{number}", (Text(text),), Decoding(5))
        for number, text in enumerate(texts)
    ]


def ask_many(count: int, **special: str) -> list[GenerateRequest]:
    """Ask plain questions; `q7="DIE"` makes the seventh another."""
    return ask(*(special.get(f"q{number}", f"question {number}") for number in range(count)))


def assert_as_the_mock(answers: list[Any], requests: list[GenerateRequest]) -> None:
    expected = {answer.id: answer for answer in MockModel().generate(requests)}
    assert len(answers) == len(expected)
    assert {answer.id: answer for answer in answers} == expected


def test_runs_on_two_nodes_are_those_of_one_process(cluster: Any, tmp_path: Path) -> None:
    words = ("task=[vqav2,hateful_memes]", "model=tiny", "shots=2", "limit=24")
    with open_spread(*words, f"run_dir={tmp_path / 'here'}") as session:
        here = list(run_all(session))
    where = (f"execution.address={cluster.address}", f"run_dir={tmp_path / 'there'}")
    with open_spread(*words, "execution=ray", "execution.chunk_size=8", *where) as session:
        there = list(run_all(session))
        crew = find_crew(session)
        while crew.num_ready < 2:  # it is there, or on its way
            crew.listen(1.0)
        assert len(crew.members) == 2
    for (expected_dir, expected), (run_dir, summary) in zip(here, there, strict=True):
        records = list(read_records(run_dir))
        whole = {record.id: record for record in read_records(expected_dir)}
        assert len(records) == len(whole) == 24
        assert_same_answers(whole, {record.id: record for record in records})
        assert summary.scores == expected.scores
        assert summary.hash == expected.hash
        assert summary.prompts_sha256 == expected.prompts_sha256
        assert summary.answered["notes"] == []
        assert read_config(run_dir)["execution"] is None


def test_a_worker_that_dies_loses_no_answer(cluster: Any, tmp_path: Path) -> None:
    requests = ask_many(60, q7="DIE-ONCE", q33="DIE-ONCE", q59="DIE-ONCE")
    with spread(ToySpec(str(tmp_path)), cluster, chunk_size=16) as model:
        assert_as_the_mock(list(model.generate(requests)), requests)
        notes = model.notes
    assert len(notes) == 3
    assert all("died (ActorDiedError" in note and "went to others" in note for note in notes)


def test_the_command_line_s_last_line_is_its_result_whoever_dies(
    cluster: Any, tmp_path: Path
) -> None:
    make_data("vqav2", tmp_path / "data")
    words = ["task=vqav2", "model=mock", "model._target_=tests.execution.toys.ToySpec", "shots=0"]
    words += [f"+model.folder={tmp_path}", "+model.dies=true"]
    words += [f"data_dir={tmp_path / 'data'}", f"run_dir={tmp_path / 'run'}", "execution=ray"]
    words += [f"execution.address={cluster.address}", "execution.cpus_per_worker=1"]
    done = run_piped([*EVALS, "run", *words], cwd=tmp_path, **RAYS_OWN)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert json.loads(lines[-1])["num_queries"] == 4
    assert [line for line in lines if "note: worker" in line]
    assert "raylet" not in done.stdout


def test_a_request_that_kills_every_worker_is_named(cluster: Any, tmp_path: Path) -> None:
    requests = ask_many(40, q20="DIE")
    answers = []
    with (
        spread(ToySpec(str(tmp_path)), cluster, chunk_size=8) as model,
        pytest.raises(WorkerError, match=r"(?s)3 workers in a row died .*  - q20"),
    ):
        answers += model.generate(requests)
    came = {each.id for each in answers}
    assert came
    assert "q20" not in came
    assert_as_the_mock(answers, [each for each in requests if each.id in came])


@pytest.mark.parametrize("word", ["HANG-ONCE", "STOP-ONCE"])
def test_a_worker_that_hangs_is_replaced(word: str, cluster: Any, tmp_path: Path) -> None:
    requests = ask_many(30, q3=word)
    with spread(ToySpec(str(tmp_path)), cluster, chunk_size=8, hang_seconds=1.5) as model:
        assert_as_the_mock(list(model.generate(requests)), requests)
        (note,) = model.notes
    assert "no answer for" in note


def test_a_gpu_that_fails_is_a_worker_that_dies(cluster: Any, tmp_path: Path) -> None:
    requests = ask_many(20, q5="GPU-ONCE")
    with spread(ToySpec(str(tmp_path)), cluster, chunk_size=8) as model:
        assert_as_the_mock(list(model.generate(requests)), requests)
        (note,) = model.notes
    assert "AcceleratorError: CUDA error" in note


@pytest.mark.parametrize(
    ("word", "kind", "message"),
    [
        ("PROMPT", PromptError, "it cannot be answered"),
        ("MEMORY", OutOfMemoryError, r"this machine's memory ran out \(.* while a worker's model"),
        ("TWICE", ModelError, r"model mock \(mock\): request 'q9' is answered twice"),
        (
            "NEVER",
            ModelError,
            r"(?s)model mock .* ended without an answer to some requests.*  - q9$",
        ),
        ("BUG", ZeroDivisionError, "a bug"),
        ("STUBBORN", RuntimeError, "Stubborn: one"),
    ],
)
def test_what_a_model_raises_is_raised_here(
    word: str, kind: type[Exception], message: str, cluster: Any, tmp_path: Path
) -> None:
    requests = ask_many(20, q9=word)
    with spread(ToySpec(str(tmp_path)), cluster, chunk_size=20) as model:
        answers = []
        with pytest.raises(kind) as caught:
            answers += model.generate(requests)
        assert re.match(message, str(caught.value))
        assert bool(getattr(caught.value, "__notes__", [])) == (not issubclass(kind, EvalError))
        plain = ask_many(20)
        assert_as_the_mock(list(model.generate(plain)), plain)


def test_who_stops_asking_leaves_no_answer_to_the_next(cluster: Any, tmp_path: Path) -> None:
    requests = ask_many(50)
    with spread(ToySpec(str(tmp_path), seconds=0.01), cluster, chunk_size=8) as model:
        answers = model.generate(requests)
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        choices = [LogLikelihoodRequest(each.id, each.prompt, ("a", "b")) for each in requests]
        ranked = {answer.id: answer for answer in model.loglikelihood(choices)}
    assert ranked == {answer.id: answer for answer in MockModel().loglikelihood(choices)}


def test_a_machine_may_join_and_one_may_go(cluster: Any, tmp_path: Path) -> None:
    requests = ask_many(150)
    with spread(ToySpec(str(tmp_path), seconds=0.05), cluster, chunk_size=8) as model:
        answers = model.generate(requests)
        came = [next(answers)]
        node = cluster.add_node(num_cpus=1)
        while model.crew.num_ready < 3:
            came.append(next(answers))
        assert len(list_nodes(model.crew.ray)) == 3
        cluster.remove_node(node, allow_graceful=False)
        assert_as_the_mock([*came, *answers], requests)
        assert [note for note in model.notes if "died" in note]


def test_features_come_in_order(cluster: Any, tmp_path: Path) -> None:
    images = [Image(f"picture {number}".encode()) for number in range(50)]
    with spread(ToySpec(str(tmp_path)), cluster, chunk_size=8) as model:
        features = list(model.image_features(images))
    for feature, image in zip(features, images, strict=True):
        assert feature.tobytes() == bytes.fromhex(image.sha256)[:8]
        assert feature.dtype == np.float32
    with (
        spread(MockSpec(), cluster) as model,
        pytest.raises(ConfigError, match="mock has none"),
    ):
        list(model.image_features(images))
    unseen = [*images[:5], Image(b"another picture", name="UNSEEN")]
    with (
        spread(ToySpec(str(tmp_path)), cluster) as model,
        pytest.raises(ModelError, match="gave 5 features for 6 pictures"),
    ):
        list(model.image_features(unseen))


def test_pictures_travel_whatever_they_are(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(shade: int) -> bytes:
        buffer = BytesIO()
        PilImages.new("RGB", (9, 9), (shade, 0, 0)).save(buffer, "PNG")
        return buffer.getvalue()

    (tmp_path / "a.png").write_bytes(draw(1))
    monkeypatch.chdir(tmp_path)
    pictures = [
        Image(Path("a.png")),
        Image(draw(2)),
        Image(lambda: draw(3), "row 3"),
        Image(PilImages.new("RGB", (2, 2))),
    ]
    prompts: list[tuple[Segment, ...]] = [(picture, Text("what")) for picture in pictures]
    requests = [
        GenerateRequest(str(number), prompt, Decoding(5))
        for number, prompt in enumerate(prompts * 3)
    ]
    with spread(MockSpec(), cluster) as model:
        assert_as_the_mock(list(model.generate(requests)), requests)
        model.pictures.max_bytes = 1
        assert_as_the_mock(list(model.generate(requests)), requests)


def test_what_workers_note_and_warn_of_is_heard(cluster: Any, tmp_path: Path) -> None:
    with spread(ToySpec(str(tmp_path)), cluster) as model:
        with pytest.warns(RuntimeWarning, match=r"worker \d on .*: it is warm"):
            list(model.generate(ask("NOTE")))
        (note,) = model.notes
    assert note.endswith(": it was hard")


@pytest.mark.parametrize(
    ("fails", "kind", "message"),
    [
        ("dies", WorkerError, "3 workers in a row died before they were ready"),
        ("raises", PromptError, "^it cannot be loaded$"),
        ("memory", OutOfMemoryError, r"memory ran out \(.* while the model was loaded"),
        ("other", CheckpointError, r"mock is another checkpoint here .*\(a.json\)"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_an_error(
    fails: str, kind: type[Exception], message: str, cluster: Any, tmp_path: Path
) -> None:
    with (
        pytest.raises(kind, match=message),
        spread(ToySpec(str(tmp_path), fails=fails), cluster, num_workers=1),
    ):
        pass


def test_a_branch_that_moves_after_the_fingerprint_moves_no_worker(
    cluster: Any, tmp_path: Path
) -> None:
    branch = tmp_path / "main"
    branch.write_text("a" * 40)
    execution = RayExecution(address=cluster.address, cpus_per_worker=1)
    with execution.spread(BranchSpec(str(branch))) as spec:
        described = spec.describe()
        branch.write_text("b" * 50)
        assert spec.describe() == described
        model = spec.load()
        requests = ask("what?")
        assert_as_the_mock(list(model.generate(requests)), requests)
    assert (model.info, model.max_tokens) == (described, 40)


def test_a_machine_on_which_nothing_loads_ends_no_run(cluster: Any, tmp_path: Path) -> None:
    spec = ToySpec(str(tmp_path), seconds=0.03, fails="raises later")
    asked = []
    with spread(spec, cluster, chunk_size=8, num_workers=2) as model:

        def ask_until_it_is_given_up() -> Iterator[GenerateRequest]:
            while len(model.notes) < 3:
                asked.extend(replace(one, id=f"q{len(asked)}") for one in ask("question"))
                yield asked[-1]

        answers = list(model.generate(ask_until_it_is_given_up()))
        assert_as_the_mock(answers, asked)
        assert model.crew.num_ready == 1
        assert model.notes[-1].endswith("no more are started while others work")
