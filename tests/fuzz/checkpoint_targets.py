"""A toy IDEFICS checkpoint, single and sharded, through the loader; no forward pass."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save

from evals.models.idefics.config import read_config
from evals.models.idefics.model import Idefics
from evals.models.idefics.tokens import read_tokenizer
from evals.models.idefics.weights import list_places
from evals.models.specs import IdeficsSpec
from evals.types import Image, Text
from tests.fuzz.targets import Target

CONFIG = {
    "model_type": "idefics",
    "vocab_size": 8,
    "additional_vocab_size": 2,
    "hidden_size": 4,
    "intermediate_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "cross_layer_interval": 1,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "alpha_type": "float",
    "qk_layer_norms": True,
    "use_resampler": True,
    "max_sequence_length": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "vision_config": {
        "embed_dim": 4,
        "image_size": 4,
        "patch_size": 2,
        "intermediate_size": 4,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "hidden_act": "gelu",
    },
    "perceiver_config": {
        "qk_layer_norms_perceiver": True,
        "resampler_depth": 1,
        "resampler_head_dim": 2,
        "resampler_n_heads": 2,
        "resampler_n_latents": 2,
    },
}
WORDS = ("<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "ab")
SPECIAL = ("<fake_token_around_image>", "<image>")
SHARDS = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"
TOKENS = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"


def make_checkpoint_targets(folder: Path) -> Iterator[Target]:
    """Yield a target for each file of a checkpoint."""
    home = folder / "checkpoint"
    home.mkdir(parents=True)
    small = _write_small_files()
    (home / "config.json").write_bytes(small["config.json"])
    weights = _draw_weights(home)
    single = {**small, "model.safetensors": save(weights, {"format": "pt"})}
    for name in single:
        yield Target(f"checkpoint {name}", single, (name,), _load)
    yield Target("checkpoint prompts", single, TOKENS, _encode, names_file=False)
    names = sorted(weights)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    where = {name: file for file, half in zip(SHARDS, halves, strict=True) for name in half}
    index = json.dumps({"metadata": {"total_size": 1}, "weight_map": where}).encode()
    shards = {
        file: save({name: weights[name] for name in half})
        for file, half in zip(SHARDS, halves, strict=True)
    }
    sharded = {**small, **shards, INDEX: index}
    yield Target("checkpoint index", sharded, (INDEX,), _load)
    yield Target("checkpoint shards", sharded, SHARDS, _load)


def _encode(folder: Path) -> None:
    """Tokenise with what a damaged tokenizer is taken for, and turn ids back into text."""
    config = read_config(folder)
    tokens = read_tokenizer(folder, vocab_size=config.total_vocab_size)
    prompt = (Text("ab a"), Image(b""), Text(" <image>b</s>é"), Image(b"x"))
    tokens.decode(tokens.encode(prompt).ids)
    tokens.encode_choices(prompt, (" a", "b"))
    tokens.encode_forbidden(("<image>", "\n"))


def _load(folder: Path) -> None:
    IdeficsSpec(str(folder), device="cpu", num_workers=0).load()


def _draw_weights(folder: Path) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        network = Idefics(read_config(folder))
    return {name: torch.ones(place.shape) for name, place in list_places(network).items()}


def _write_small_files() -> dict[str, bytes]:
    added = [
        {
            "id": number,
            "content": word,
            "special": True,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for number, word in [*enumerate(WORDS[:3]), *enumerate(SPECIAL, len(WORDS))]
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "Prepend", "prepend": "▁"},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": False,
            "vocab": {word: number for number, word in enumerate(WORDS)},
            "merges": [["a", "b"], ["▁", "a"]],
        },
    }
    files = {
        "config.json": CONFIG,
        "generation_config.json": {"bos_token_id": 1, "eos_token_id": [2], "pad_token_id": 0},
        "preprocessor_config.json": {
            "image_size": 4,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.25, 0.25, 0.25],
        },
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {"bos_token": {"content": "<s>"}, "add_bos_token": True},
        "special_tokens_map.json": {"bos_token": "<s>", "eos_token": {"content": "</s>"}},
    }
    return {name: json.dumps(values).encode() for name, values in files.items()}
