"""The processes that share a model: they end with it, and it with them."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from evals.errors import CheckpointError, ConfigError, OutOfMemoryError
from evals.models.idefics.engine import IdeficsModel
from evals.models.idefics.leading import GroupError
from evals.models.specs import IdeficsSpec
from evals.resources import tiny_checkpoint_dir
from evals.types import Decoding, GenerateRequest, Text
from tests.models.idefics.processes import needs_proc

SPEC = IdeficsSpec(
    str(tiny_checkpoint_dir()), device="cpu", num_workers=0, parallel="tensor", num_devices=2
)
REQUEST = GenerateRequest("", (Text("Question: what is this? Answer:"),), Decoding(3))


@pytest.fixture
def model() -> Iterator[IdeficsModel]:
    loaded = SPEC.load()
    yield loaded
    loaded.close()


@needs_proc
def test_a_process_that_dies_is_an_error_and_no_wait(
    find_processes: Callable[[], set[int]], model: IdeficsModel
) -> None:
    assert len(list(model.generate([REQUEST]))) == 1
    [process] = find_processes()
    os.kill(process, signal.SIGKILL)
    with pytest.raises(GroupError, match="process 1: exit code -9"):
        list(model.generate([REQUEST]))
    with pytest.raises(ConfigError, match="load the model again"):
        list(model.generate([REQUEST]))
    assert not find_processes()


@needs_proc
def test_memory_that_runs_out_within_a_pass_ends_all_with_the_way_out(
    find_processes: Callable[[], set[int]], model: IdeficsModel
) -> None:
    """The other is in the middle of a sum by then, which cannot be begun again."""
    with pytest.raises(ConfigError, match="closed first"):
        SPEC.load()
    assert len(find_processes()) == 1
    encoded = model.tokenizer.encode(REQUEST.prompt)
    with (
        pytest.raises(OutOfMemoryError, match=r"set model\.batch_size"),
        model.memory.tell("states", encoded),
    ):
        raise torch.OutOfMemoryError("out of memory")
    assert not find_processes()


@needs_proc
def test_a_checkpoint_that_cannot_be_loaded_leaves_no_process(
    find_processes: Callable[[], set[int]], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint_dir(), tmp_path / "damaged")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.norm\.weight is missing"):
        replace(SPEC, checkpoint=str(folder)).load()
    assert not find_processes()
    assert not torch.distributed.is_initialized()
