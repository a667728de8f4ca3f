"""Random small checkpoints in the hub's layout, loaded by the built-in model and by the oracle."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PilImages
from tokenizers import Tokenizer, decoders, normalizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from evals.models.idefics.engine import IdeficsModel
from evals.models.specs import IdeficsSpec, TransformersSpec
from evals.models.transformers_idefics import TransformersModel
from evals.types import Image

VOCAB_SIZE = 400
WORDS = (
    *("Question: what is this thing in the picture?", "Answer: yes, a cat and a dog.", "cats car"),
    *("User: Describe the image.", "Assistant: Output: the end", "0123456789 no longer choices\n"),
    "The quick brown fox jumps over the lazy dog, THE QUICK BROWN FOX!",
)
SPECIAL = ("<fake_token_around_image>", "<image>", "<end_of_utterance>")


@dataclass(frozen=True)
class Shape:
    """What the random checkpoints differ in."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    perceiver: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)


SHAPES = (
    Shape("base"),
    Shape(
        "norms_vector_instruct",
        {"qk_layer_norms": True, "alpha_type": "vector", "additional_vocab_size": 3},
        {"qk_layer_norms_perceiver": True},
    ),
    Shape(
        "norms_float_every_second_layer",
        {"qk_layer_norms": True, "cross_layer_interval": 2, "rms_norm_eps": 1e-5},
        {"qk_layer_norms_perceiver": True},
    ),
    Shape("no_resampler", {"use_resampler": False, "additional_vocab_size": 3}),
)


def make_checkpoint(folder: Path, shape: Shape, *, seed: int = 0, **saving: Any) -> Path:
    """Save a random IDEFICS whose gates are open and whose logits vary with the picture."""
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    settings = {
        "vocab_size": VOCAB_SIZE,
        "additional_vocab_size": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "cross_layer_interval": 1,
        "use_resampler": True,
        "max_position_embeddings": 256,
        "alpha_initializer": "ones",
        **shape.settings,
    }
    perceiver = {
        "resampler_n_latents": 5,
        "resampler_depth": 2,
        "resampler_n_heads": 2,
        "resampler_head_dim": 8,
        **shape.perceiver,
    }
    vision = {
        "embed_dim": 24,
        "image_size": 28,
        "patch_size": 14,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        **shape.vision,
    }
    torch.manual_seed(seed)
    config = IdeficsConfig(**settings, perceiver_config=perceiver, vision_config=vision)
    model = IdeficsForVisionText2Text(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            draw_weights(name, parameter)
    model.save_pretrained(folder, **saving)
    write_tokenizer(folder / "tokenizer.json", vocab_size=VOCAB_SIZE)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_size": 28}))
    return folder


def draw_weights(name: str, parameter: torch.Tensor) -> None:
    """Large enough that every part of the network shows in the logits."""
    norms = ("norm.weight", "norm1.weight", "norm2.weight", ".ln.weight")
    if "alpha" in name or name.endswith(norms):
        parameter.uniform_(0.5, 1.5)
    elif parameter.dim() < 2:
        parameter.normal_(std=0.2)
    elif "embed" in name or "latents" in name:
        parameter.normal_()
    else:
        parameter.normal_(std=1.2 * parameter[0].numel() ** -0.5)


def write_tokenizer(path: Path, *, vocab_size: int) -> None:
    """A LLaMA-like tokenizer of few ids: byte fallback, spaces as part of words."""
    tokenizer = Tokenizer(BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = BpeTrainer(vocab_size=vocab_size, special_tokens=first, show_progress=False)
    tokenizer.train_from_iterator(WORDS, trainer)
    assert tokenizer.get_vocab_size() == vocab_size
    values = json.loads(tokenizer.to_str())
    values["added_tokens"] = values["added_tokens"][:3]  # bytes are no special tokens
    path.write_text(json.dumps(values), encoding="utf-8")
    add_special_tokens(path)


def write_llama_tokenizer(path: Path) -> None:
    """LLaMA's own vocabulary, as the PyPI package wordllama carries it."""
    package = find_spec("wordllama")
    assert package is not None
    assert package.origin is not None
    source = Path(package.origin).parent / "tokenizers" / "l2_supercat_tokenizer_config.json"
    path.write_bytes(source.read_bytes())
    add_special_tokens(path)


def add_special_tokens(path: Path) -> None:
    """Give IDEFICS's tokens the ids after the vocabulary, in the checkpoints' order."""
    values = json.loads(path.read_text(encoding="utf-8"))
    first = len(values["model"]["vocab"])
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    values["added_tokens"] += [
        {"id": first + index, "content": token, "special": True, **dict.fromkeys(flags, False)}
        for index, token in enumerate(SPECIAL)
    ]
    path.write_text(json.dumps(values), encoding="utf-8")


def as_png(picture: PilImages.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class Pair:
    """One checkpoint, loaded by both."""

    folder: Path
    ours: IdeficsModel
    oracle: TransformersModel


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {shape.name: make_checkpoint(root / shape.name, shape) for shape in SHAPES}


def load_both(folder: Path, *, dtype: str = "float32") -> Pair:
    # Without processes for pictures, which other tests count.
    ours = IdeficsSpec(str(folder), device="cpu", dtype=dtype, num_workers=0).load()
    oracle = TransformersSpec(str(folder), device="cpu", dtype=dtype).load()
    return Pair(folder, ours, oracle)


@pytest.fixture(scope="session")
def load_pair(checkpoints: dict[str, Path]) -> Callable[[str], Pair]:
    """Load each checkpoint once, when it is first asked for."""
    return lru_cache(lambda name: load_both(checkpoints[name]))


@pytest.fixture(params=[shape.name for shape in SHAPES])
def pair(request: pytest.FixtureRequest, load_pair: Callable[[str], Pair]) -> Pair:
    return load_pair(request.param)


@pytest.fixture
def base(load_pair: Callable[[str], Pair]) -> Pair:
    return load_pair("base")


@pytest.fixture
def instruct(load_pair: Callable[[str], Pair]) -> Pair:
    return load_pair("norms_vector_instruct")


@pytest.fixture(scope="session")
def pictures() -> list[Image]:
    """Eight that differ."""
    random = np.random.default_rng(0)
    return [
        Image(PilImages.fromarray(random.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8)))
        for i in range(8)
    ]


@pytest.fixture(autouse=True)
def full_precision() -> None:
    """Anything lower silently multiplies in bfloat16 (error 3e-3)."""
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """These matrices are so small that threads would only wait for each other."""
    torch.set_num_threads(1)
