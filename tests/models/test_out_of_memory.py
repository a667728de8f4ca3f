"""Memory that runs out: one message, with the ways out that the model in use has."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch

from evals.errors import OutOfMemoryError, PromptError
from evals.models.mock import MOCK_INFO, MockModel
from evals.models.out_of_memory import explain_each, explain_out_of_memory
from evals.models.specs import IdeficsSpec, MockSpec, TinySpec, TransformersSpec
from evals.resources import tiny_checkpoint_dir
from evals.types import FrugalSpec, ModelInfo, ModelSpec


def explain(spec: ModelSpec, error: Exception) -> str:
    with (
        pytest.raises(OutOfMemoryError) as raised,
        explain_out_of_memory(spec, "while it was tried"),
    ):
        raise error
    assert raised.value.__cause__ is error
    return str(raised.value)


IDEFICS = IdeficsSpec("folder", device="cpu")


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (IDEFICS, {"dtype", "quantise", "parallel", "batch_size"}),
        (replace(IDEFICS, dtype="bfloat16", batch_size=1), {"quantise", "parallel"}),
        (replace(IDEFICS, quantise="int8", batch_size=8), {"dtype", "int4", "parallel", "batch"}),
        (replace(IDEFICS, quantise="int4", parallel="tensor", batch_size=1), {"dtype"}),
        (TinySpec(), {"dtype", "batch_size"}),
        (TransformersSpec("folder", device="cpu"), {"dtype", "model=idefics"}),
        (MockSpec(), set()),
    ],
)
def test_the_ways_out_are_those_that_the_settings_leave(spec: ModelSpec, named: set[str]) -> None:
    message = explain(spec, MemoryError())
    assert message.startswith("this machine's memory ran out (")
    assert " while it was tried. Run it again with what takes less:" in message
    assert "a smaller model, or a machine with more memory" in message
    every = {"dtype", "quantise", "int4", "parallel", "batch", "model=idefics"}
    told = {word for word in every if f"{word}" in message}
    wanted = {word for word in every if any(word in name for name in named)}
    assert told - {"int4", "quantise"} == wanted - {"int4", "quantise"}
    assert ("model.quantise=int8" in message) == ("quantise" in named)
    assert ("model.quantise=int4" in message) == ("int4" in named)


@dataclass(frozen=True)
class Thrifty:
    """Somebody's settings, which say what saves memory."""

    def list_savings(self) -> Sequence[str]:
        return ["model.pages=8: less"]

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> MockModel:
        return MockModel()


def test_somebody_s_settings_may_say_what_saves_memory() -> None:
    assert isinstance(Thrifty(), FrugalSpec)
    assert "  - model.pages=8: less\n" in explain(Thrifty(), torch.OutOfMemoryError("CUDA"))


def test_nothing_else_is_touched() -> None:
    for error in (PromptError("out of memory"), RuntimeError("a bug"), KeyError("memory")):
        with pytest.raises(type(error)) as raised, explain_out_of_memory(MockSpec(), "while"):
            raise error
        assert raised.value is error


def test_what_came_before_is_yielded() -> None:
    def count() -> "object":
        yield from (1, 2)
        raise torch.OutOfMemoryError("out of memory")

    came = []
    with pytest.raises(OutOfMemoryError, match="the GPU's memory ran out"):
        came += explain_each(count(), MockSpec(), "while it counted")  # type: ignore[arg-type]
    assert came == [1, 2]


STARVED = """
import json, resource, sys
from evals import load_model
from evals.canaries.prompts import draw_picture, make_generating, make_prompts, make_scoring
from evals.errors import OutOfMemoryError
from evals.models.out_of_memory import explain_out_of_memory
from evals.models.specs import IdeficsSpec, TransformersSpec

kind, folder, dtype = sys.argv[1:]
spec = {"idefics": IdeficsSpec, "transformers": TransformersSpec}[kind](folder, "cpu", dtype)
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

def starve(headroom, work):
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + headroom, resource.RLIM_INFINITY))
    try:
        with explain_out_of_memory(spec, "while it was starved"):
            work()
    except OutOfMemoryError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, UNLIMITED)
    return ""

def load():
    return load_model(kind, checkpoint=folder, device="cpu", dtype=dtype)

model = load()
prompts = make_prompts()
print(json.dumps({
    "loading": [starve(headroom << 18, load) for headroom in range(0, 100, 9)],
    "answering": [
        starve(1 << 18, lambda: list(model.generate(make_generating(prompts)))),
        starve(1 << 18, lambda: list(model.loglikelihood(make_scoring(prompts)))),
    ],
    "features": [starve(1 << 18, lambda: list(model.image_features([draw_picture(1)])))],
}))
"""


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("idefics", "bfloat16"), ("transformers", "float32")],
)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no address space")
def test_where_the_system_gives_no_memory_each_step_says_what_to_do(kind: str, dtype: str) -> None:
    """In a process of its own, whose address space is limited to what it has and a little more."""
    done = subprocess.run(
        [sys.executable, "-c", STARVED, kind, str(tiny_checkpoint_dir()), dtype],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert any(told["loading"])
    for message in (*filter(None, told["loading"]), *told["answering"], *told["features"]):
        assert message.startswith("this machine's memory ran out (")
        assert ("model.dtype=bfloat16" in message) == (dtype == "float32")
        assert ("model.quantise=int8" in message) == (kind == "idefics")
