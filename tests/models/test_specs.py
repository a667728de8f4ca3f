"""A model's settings, `load_model`, configs/model/."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from evals import load_model
from evals.errors import CheckpointError, ConfigError
from evals.models.idefics.engine import IdeficsModel
from evals.models.mock import MockModel
from evals.models.specs import IdeficsSpec, MockSpec, TinySpec, TransformersSpec
from evals.models.transformers_idefics import TransformersModel
from evals.provenance import describe_model
from evals.resources import configs_dir
from evals.types import HubSpec, Model, ModelSpec
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
    assert replace(spec).describe().fingerprint != before.fingerprint
    assert replace(spec, verify=True).describe() == replace(spec).describe()


@pytest.fixture
def copy(tmp_path: Path, base: Pair) -> Path:
    return shutil.copytree(base.folder, tmp_path / "copy")


def rewrite(path: Path, content: bytes) -> None:
    """Write a file again, at another time."""
    path.write_bytes(content)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


@pytest.mark.parametrize("kind", [IdeficsSpec, TransformersSpec])
def test_weights_that_are_saved_again_before_they_are_loaded_are_refused(
    kind: type[IdeficsSpec | TransformersSpec], copy: Path
) -> None:
    spec = kind(str(copy), device="cpu")
    spec.describe()
    rewrite(copy / "model.safetensors", (copy / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=r"(?s)has changed .* - model.safetensors is written"):
        spec.load()
    assert kind(str(copy), device="cpu").load()


def test_files_that_come_and_go_before_a_tokenizer_is_read_are_named(copy: Path) -> None:
    spec = IdeficsSpec(str(copy), device="cpu")
    spec.describe()
    (copy / "README.md").write_text("no part of it")
    assert spec.load_reader().max_tokens == 256
    (copy / "chat_template.jinja").write_text("new")
    (copy / "generation_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"(?s)generation_config.json is gone.*jinja is new"):
        spec.load_reader()


def test_a_link_that_leads_elsewhere_later_is_followed_once(copy: Path, tmp_path: Path) -> None:
    """`latest`, which training moves on to the next checkpoint."""
    other = shutil.copytree(copy, tmp_path / "other")
    rewrite(other / "tokenizer_config.json", b'{"model_max_length": 7}')
    link = tmp_path / "latest"
    link.symlink_to(copy)
    spec = IdeficsSpec(str(link), device="cpu", num_workers=0)
    before = spec.describe()
    link.unlink()
    link.symlink_to(other)
    assert spec.load().info == before
    assert replace(spec).describe().fingerprint != before.fingerprint


def test_settings_travel_without_what_was_found_here(copy: Path) -> None:
    for number, kind in enumerate((IdeficsSpec, TransformersSpec)):
        spec: ModelSpec = kind(str(copy), device="cpu")
        spec.describe()
        travelled: ModelSpec = pickle.loads(pickle.dumps(spec))
        assert travelled == spec
        rewrite(copy / "generation_config.json", b'{"eos_token_id": %d}' % number)
        assert travelled.describe().fingerprint != spec.describe().fingerprint
    assert pickle.loads(pickle.dumps(TinySpec(dtype="bfloat16"))) == TinySpec(dtype="bfloat16")


def test_settings_of_a_commit_are_the_same_otherwise() -> None:
    spec = IdeficsSpec("org/name", device="cpu", dtype="bfloat16", revision="main")
    assert isinstance(spec, HubSpec)
    assert spec.at_revision("0" * 40) == replace(spec, revision="0" * 40)
    assert isinstance(TransformersSpec("org/name"), HubSpec)


MOVING = """
import sys
from pathlib import Path
from evals.models.specs import IdeficsSpec, TransformersSpec

repository, kind, first, second = sys.argv[1:]
branch = Path(repository) / "refs" / "main"
branch.write_text(first)
spec = {"idefics": IdeficsSpec, "transformers": TransformersSpec}[kind]("org/name", device="cpu")
described = spec.describe()
branch.write_text(second)
model = spec.load()
bias = model.network.get_parameter("model.norm.weight" if kind == "transformers" else "norm.weight")
reader = spec.load_reader()
print(described.revision, model.info == described, float(bias[0]), reader.max_tokens)
moved = type(spec)("org/name", device="cpu").describe()
print(moved.revision, moved.fingerprint == described.fingerprint)
pinned = type(spec)("org/name", device="cpu").at_revision(first).describe()
print(pinned.revision, pinned.fingerprint == described.fingerprint)
"""


@pytest.mark.parametrize("kind", ["idefics", "transformers"])
def test_a_branch_that_moves_after_the_fingerprint_moves_no_weight_and_no_tokenizer(
    kind: str, copy: Path, tmp_path: Path
) -> None:
    """In the hub's cache, offline; in a process of its own, for the hub's settings."""
    repository = tmp_path / "hub" / "models--org--name"
    commits = ("1" * 40, "2" * 40)
    (repository / "refs").mkdir(parents=True)
    for number, commit in enumerate(commits, start=1):
        snapshot = shutil.copytree(copy, repository / "snapshots" / commit)
        tensors = load_file(snapshot / "model.safetensors")
        tensors["model.norm.weight"] = torch.full_like(tensors["model.norm.weight"], number)
        save_file(tensors, snapshot / "model.safetensors", {"format": "pt"})
        config = json.loads((snapshot / "config.json").read_text())
        config["max_position_embeddings"] = 100 * number
        (snapshot / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-c", MOVING, str(repository), kind, *commits],
        env=os.environ | {"HF_HUB_CACHE": str(repository.parent), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, moved, pinned = done.stdout.strip().splitlines()
    assert loaded == f"{commits[0]} True 1.0 100"
    assert moved == f"{commits[1]} False"
    assert pinned == f"{commits[0]} True"


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
