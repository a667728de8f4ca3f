"""Settings that divide or quantise a model: what is refused, and what they come to."""

import pytest

from evals import load_model
from evals.errors import ConfigError
from evals.models.division import WHOLE, Division, Quantised, read_division, split_dtype
from evals.resources import tiny_checkpoint_dir


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parallel": "pipeline"}, "choose layers, tensor or null"),
        ({"quantise": "fp8"}, "choose int8, int4 or null"),
        ({"parallel": "tensor", "num_devices": 0}, "choose 1 or more"),
        ({"num_devices": 2}, "wants model.parallel=layers or tensor"),
        ({"parallel": "layers"}, "model.num_devices into how many parts"),
        ({"parallel": "layers", "num_devices": 7}, "there are 6 layers"),
        ({"parallel": "tensor", "num_devices": 3}, "choose one of 1, 2, 4, or"),
    ],
)
def test_what_cannot_be_is_an_error(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_model("idefics", checkpoint=tiny_checkpoint_dir(), device="cpu", **settings)


def test_one_gpu_of_several_is_not_divided() -> None:
    with pytest.raises(ConfigError, match="cuda:1 is one device"):
        read_division("layers", 2, None, device="cuda:1")


def test_settings_that_say_nothing_leave_the_model_whole() -> None:
    assert read_division(None, None, None, device="cuda:1") == WHOLE
    assert read_division("tensor", 2, "int8", device="cpu") == Division("tensor", 2, "int8")


@pytest.mark.parametrize("quantised", [None, "int8", "int4"])
def test_a_type_s_name_says_what_to_load_again(quantised: Quantised | None) -> None:
    named = Division(quantised=quantised).name_dtype("bfloat16")
    assert split_dtype(named) == ("bfloat16", quantised)


def test_tensor_parallel_of_one_needs_no_other_process() -> None:
    model = load_model(
        "idefics",
        checkpoint=tiny_checkpoint_dir(),
        device="cpu",
        parallel="tensor",
        num_devices=1,
    )
    assert model.close_group is None
