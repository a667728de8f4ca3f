"""A divided or quantised model on GPUs, where there are any.    python -m pytest -m gpu"""

from pathlib import Path

import pytest
import torch

from evals.models.idefics.engine import IdeficsModel
from evals.models.specs import IdeficsSpec
from evals.resources import tiny_checkpoint_dir
from evals.types import Decoding, Image, LogLikelihoodRequest
from tests.models.conftest import Shape, make_checkpoint
from tests.models.idefics.prompts import answer, make_requests, make_scoring

pytestmark = pytest.mark.gpu
DECODINGS = (Decoding(6), Decoding(6, num_beams=3))


@pytest.mark.parametrize("parallel", ["layers", "tensor"])
def test_two_gpus_answer_as_a_cpu_does(
    tmp_path: Path, pictures: list[Image], parallel: str
) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    shape = Shape("even", {"qk_layer_norms": True}, vision={"num_attention_heads": 2})
    folder = str(make_checkpoint(tmp_path, shape))
    alone = IdeficsSpec(folder, "cpu", "float32", num_workers=0).load()
    together = IdeficsSpec(
        folder, "cuda", "float32", num_workers=0, parallel=parallel, num_devices=2
    ).load()
    try:
        requests = make_requests(pictures, *DECODINGS)
        ours, theirs = answer(together, requests), answer(alone, requests)
        assert {key: one.token_ids for key, one in ours.items()} == {
            key: one.token_ids for key, one in theirs.items()
        }
        scored = {one.id: one for one in together.loglikelihood(make_scoring(pictures, " a", " b"))}
        for one in alone.loglikelihood(make_scoring(pictures, " a", " b")):
            assert scored[one.id].logprobs == pytest.approx(one.logprobs, abs=1e-3)
    finally:
        together.close()


@pytest.mark.parametrize("quantise", ["int8", "int4"])
def test_a_gpu_multiplies_by_quantised_weights(pictures: list[Image], quantise: str) -> None:
    pytest.importorskip("torchao")
    folder = str(tiny_checkpoint_dir())
    whole = IdeficsSpec(folder, "cuda", "bfloat16", num_workers=0).load()
    fewer = IdeficsSpec(folder, "cuda", "bfloat16", num_workers=0, quantise=quantise).load()
    requests = make_scoring(pictures, " yes", " no")
    distance = (score(whole, requests) - score(fewer, requests)).abs().mean()
    assert 0 < distance < {"int8": 0.2, "int4": 3}[quantise]  # as on the CPU


def score(model: IdeficsModel, requests: list[LogLikelihoodRequest]) -> torch.Tensor:
    scored = {one.id: one.logprobs for one in model.loglikelihood(requests)}
    return torch.tensor([scored[request.id] for request in requests])
