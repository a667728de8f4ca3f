"""A model that two processes share: its logits, its answers, its features are one process's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from evals.errors import ConfigError, DataError
from evals.models.idefics.batch import Batch
from evals.models.idefics.config import read_config
from evals.models.idefics.engine import IdeficsModel
from evals.models.idefics.linear import Linear
from evals.models.idefics.model import Idefics
from evals.models.idefics.sharding import check_shares, make_plan
from evals.models.specs import IdeficsSpec
from evals.types import Decoding, GenerateRequest, Image, LogLikelihoodRequest, Text
from tests.models.conftest import Shape, make_checkpoint
from tests.models.idefics.prompts import answer, assert_equal, make_requests, make_scoring
from tests.models.idefics.prompts import make_prompts as make_prompts_of
from tests.models.idefics.test_config import write
from tests.models.idefics.test_engine import make_shared

EVEN = {"num_attention_heads": 2}
"""Heads of the vision tower."""
SHAPES = (
    Shape(
        "norms, vector gates, every second layer",
        {
            "qk_layer_norms": True,
            "alpha_type": "vector",
            "cross_layer_interval": 2,
            "additional_vocab_size": 3,
        },
        {"qk_layer_norms_perceiver": True},
        EVEN,
    ),
    Shape("tied, no resampler", {"tie_word_embeddings": True, "use_resampler": False}, {}, EVEN),
)
CHOICES = (" yes", " no longer", " a much longer choice", "s")


@dataclass(frozen=True)
class Divided:
    """One checkpoint, loaded by one process and by two together."""

    alone: IdeficsModel
    together: IdeficsModel


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def divided(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Divided]:
    """One at a time: a process is in one group only."""
    folder = str(make_checkpoint(tmp_path_factory.mktemp("divided"), request.param))
    alone = IdeficsSpec(folder, device="cpu", num_workers=0)
    together = IdeficsSpec(folder, "cpu", num_workers=0, parallel="tensor", num_devices=2).load()
    yield Divided(alone.load(), together)
    together.close()


@torch.inference_mode()
def read_logits(model: IdeficsModel, pictures: list[Image]) -> Tensor:
    """Return the logits after every third token of each prompt, and after one more token."""
    encoded = [
        whole.part(0, end)
        for prompt in make_prompts_of(pictures).values()
        for whole in [model.tokenizer.encode(prompt)]
        for end in range(1, len(whole.ids), 3)
    ]
    longest = max(len(each.ids) for each in encoded)
    batch = Batch(model.memory, num_slots=len(encoded), num_tokens=longest, num_new_tokens=1)
    first = batch.read(range(len(encoded)), encoded)
    next_ones = batch.append([[7 + index] for index in range(len(encoded))], [[0]] * len(encoded))
    return torch.cat((first, next_ones))


def test_logits_are_those_of_one_process(divided: Divided, pictures: list[Image]) -> None:
    ours, one = (read_logits(model, pictures) for model in (divided.together, divided.alone))
    assert len(ours) > 100
    torch.testing.assert_close(ours, one, atol=1e-4, rtol=0)


@pytest.mark.parametrize("decoding", [Decoding(8), Decoding(6, num_beams=3)])
def test_answers_are_those_of_one_process(
    divided: Divided, pictures: list[Image], decoding: Decoding
) -> None:
    for requests in (make_requests(pictures, decoding), make_shared(pictures, decoding)):
        ours = answer(divided.together, requests)
        assert_equal(ours, answer(divided.alone, requests), tolerance=1e-4)
    assert divided.together.prefixes


def test_choices_score_as_in_one_process(divided: Divided, pictures: list[Image]) -> None:
    shared = [
        LogLikelihoodRequest(each.id, each.prompt, CHOICES)
        for each in make_shared(pictures, Decoding(1))
    ]
    requests = [*make_scoring(pictures, *CHOICES), *shared]
    ours = {scored.id: scored for scored in divided.together.loglikelihood(requests)}
    for theirs in divided.alone.loglikelihood(requests):
        assert ours[theirs.id].logprobs == pytest.approx(theirs.logprobs, abs=1e-4)


def test_features_and_states_are_those_of_one_process(
    divided: Divided, pictures: list[Image]
) -> None:
    features = zip(
        divided.together.image_features(pictures),
        divided.alone.image_features(pictures),
        strict=True,
    )
    for ours, one in features:
        assert ours == pytest.approx(one, abs=1e-5)
    prompt = make_prompts_of(pictures)["text before the first picture"]
    states = divided.together.states_before_pictures(prompt)
    assert states == pytest.approx(divided.alone.states_before_pictures(prompt), abs=1e-4)


def test_a_picture_that_cannot_be_read_leaves_all_processes_ready(
    divided: Divided, pictures: list[Image], tmp_path: Path
) -> None:
    broken = Image(tmp_path / "none.png", name="broken")
    (tmp_path / "none.png").write_bytes(b"no picture")
    request = GenerateRequest("", (broken, Text("what?")), Decoding(2))
    with pytest.raises(DataError):
        answer(divided.together, [request])
    requests = make_requests(pictures, Decoding(2))
    ours = answer(divided.together, requests)
    assert_equal(ours, answer(divided.alone, requests), tolerance=1e-4)


def test_a_batch_that_fits_in_no_memory_leaves_all_processes_ready(
    divided: Divided, pictures: list[Image]
) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        Batch(divided.together.memory, num_slots=2**20, num_tokens=2**20, num_new_tokens=1)
    requests = make_requests(pictures, Decoding(2))
    ours = answer(divided.together, requests)
    assert_equal(ours, answer(divided.alone, requests), tolerance=1e-4)


def test_each_process_keeps_half_of_the_keys_and_values(divided: Divided) -> None:
    [whole] = divided.alone.network.cache_shape.count_token_bytes().values()
    [half] = divided.together.network.cache_shape.count_token_bytes().values()
    assert 2 * half == whole


def test_the_plan_opens_and_closes_every_block(tmp_path: Path) -> None:
    with torch.device("meta"):
        network = Idefics(read_config(write(tmp_path)))
    plan = {name: type(style).__name__ for name, style in make_plan(network).items()}
    assert plan.keys() == {n for n, module in network.named_modules() if isinstance(module, Linear)}
    closing = {name.rpartition(".")[2] for name, style in plan.items() if style[:3] == "Row"}
    opening = {name.rpartition(".")[2] for name, style in plan.items() if style[:3] == "Col"}
    assert closing == {"o_proj", "out_proj", "output_proj", "down_proj", "fc2", "c_proj"}
    assert opening == {"qkv", "q_proj", "kv", "gate_up", "fc1", "fc"}
    gated = "gated_cross_attn_layers.0.cross_attn"
    assert (plan[f"{gated}.kv"], plan[f"{gated}.o_proj"]) == ("ColwiseParallel", "RowwiseParallel")


def test_heads_that_cannot_be_divided_are_listed_with_the_way_out(tmp_path: Path) -> None:
    config = read_config(write(tmp_path))
    for count in (1, 2, 4, 8, 16):
        check_shares(config, count)
    with pytest.raises(ConfigError) as raised:
        check_shares(config, 3)
    assert "32 attention heads" in str(raised.value)
    assert "16 heads of the vision tower" in str(raised.value)
    assert "choose one of 1, 2, 4, 8, 16, or model.parallel=layers" in str(raised.value)
