"""A model's settings, `load_model`, configs/model/."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from evals import load_model
from evals.errors import ConfigError
from evals.models.idefics.engine import IdeficsModel
from evals.models.mock import MockModel
from evals.models.specs import IdeficsSpec, MockSpec, TinySpec, TransformersSpec
from evals.models.transformers_idefics import TransformersModel
from evals.provenance import describe_model
from evals.resources import configs_dir
from evals.types import Model, ModelSpec
from tests.models.conftest import Pair


def test_a_description_equals_what_is_loaded(base: Pair) -> None:
    spec = IdeficsSpec(str(base.folder), device="cpu")
    info = spec.describe()
    assert info == base.ours.info
    assert (info.name, info.dtype, info.device) == ("idefics", "float32", "cpu")
    assert "model.safetensors" in info.files
    oracle = TransformersSpec(str(base.folder), device="cpu").describe()
    assert oracle.name == "transformers"
    assert oracle.fingerprint == info.fingerprint


def test_a_description_says_among_how_many_devices(base: Pair) -> None:
    spec = IdeficsSpec(str(base.folder), device="cpu", parallel="tensor", num_devices=2)
    assert spec.describe().num_devices == 2
    assert describe_model(spec.describe())["num_devices"] == 2


def test_a_description_reads_no_weights(tmp_path: Path, base: Pair) -> None:
    for file in base.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    assert IdeficsSpec(str(tmp_path), device="cpu", dtype="bfloat16").describe().dtype == "bfloat16"


def test_weights_that_keep_size_and_time_are_seen_to_be_others(tmp_path: Path, base: Pair) -> None:
    for file in base.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    os.utime(weights, (1e9, 1e9))
    spec = IdeficsSpec(str(tmp_path), device="cpu")
    before = spec.describe()
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(weights, (1e9, 1e9))
    assert spec.describe().fingerprint != before.fingerprint
    assert replace(spec, verify=True).describe() == spec.describe()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "tpu"}, "choose auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:x"}, "choose auto, cpu, cuda or cuda:N"),
        ({"dtype": "float64"}, "auto, float32, bfloat16, float16"),
        ({"batch_size": 0}, "choose 1 or more"),
        ({"device": "cuda:99"}, "GPU"),
    ],
)
def test_a_setting_that_does_not_exist_is_an_error(
    base: Pair, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_model("idefics", checkpoint=str(base.folder), **settings)


def test_models_are_loaded_by_name(base: Pair) -> None:
    folder = str(base.folder)
    ours = load_model("idefics", checkpoint=base.folder, device="cpu", batch_size=3)
    assert isinstance(ours, IdeficsModel)
    assert ours.info == base.ours.info
    assert ours.limits.budget.rows == 3
    assert isinstance(
        load_model("transformers", checkpoint=folder, device="cpu"), TransformersModel
    )
    assert isinstance(load_model("mock"), MockModel)


def test_an_unknown_model_or_setting_is_an_error() -> None:
    with pytest.raises(ConfigError, match="choose one of idefics, transformers, mock, tiny"):
        load_model("gpt")
    with pytest.raises(ConfigError, match="checkpoint"):
        load_model("idefics")
    with pytest.raises(ConfigError, match="temperature"):
        load_model("mock", temperature=1)


def test_the_tiny_checkpoint_is_loaded() -> None:
    model = load_model("tiny")
    assert model.info.name == "tiny"
    assert model.info == TinySpec().describe()
    assert model.info.checkpoint == "tiny"


def test_every_yaml_names_a_spec_and_all_of_its_settings() -> None:
    specs: dict[str, Any] = {
        "idefics": IdeficsSpec,
        "transformers": TransformersSpec,
        "mock": MockSpec,
        "tiny": TinySpec,
    }
    files = {path.stem: path for path in (configs_dir() / "model").glob("*.yaml")}
    assert files.keys() == specs.keys()
    for name, spec in specs.items():
        values = yaml.safe_load(files[name].read_text())
        assert values.pop("_target_") == f"{spec.__module__}.{spec.__name__}"
        assert values.keys() == {field.name for field in fields(spec)}
        assert spec(**values) == spec(**{k: v for k, v in values.items() if k == "checkpoint"})


def test_all_models_and_specs_follow_the_protocols(base: Pair) -> None:
    """For mypy; and at run time, that nothing is missing."""
    models: list[Model] = [base.ours, base.oracle, MockModel()]
    specs: list[ModelSpec] = [IdeficsSpec(""), TransformersSpec(""), TinySpec(), MockSpec()]
    assert all(model.max_tokens > 0 for model in models)
    assert all(callable(spec.describe) for spec in specs)


@pytest.mark.parametrize("module", ["evals", "evals.models", "evals.models.specs"])
def test_importing_settings_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'numpy', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
