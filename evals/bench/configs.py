"""What is benched: the shapes of a random checkpoint, and how much is asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.bench.cases import Case, parse_cases


@dataclass(frozen=True, slots=True)
class BenchConfig:
    name: str
    shapes: Mapping[str, Any]
    """Arguments of transformers' `IdeficsConfig`."""
    cases: tuple[Case, ...]
    num_queries: int
    num_pictures: int
    """Pictures that the queries ask about, each equally often."""
    num_support: int
    rounds: int
    sample_images: int
    """About how many pictures transformers reads in a round of a case: its sample's size."""
    num_warmup: int
    """Prompts that both sides answer before a round, untimed, on pictures of their own."""
    needs_gpu: bool = False


_ALL = (
    *("random-0", "random-4", "random-8", "random-16", "random-32", "fixed-32", "beams-4"),
    *("classes-2", "classes-100"),
)
_COMMON: Mapping[str, Any] = {
    "architectures": ["IdeficsForVisionText2Text"],
    "vocab_size": 32000,
    "additional_vocab_size": 2,
    "cross_layer_interval": 4,
    "qk_layer_norms": True,
    "alpha_type": "float",
    "alpha_initializer": "ones",
    "max_position_embeddings": 2048,
    "use_resampler": True,
}
_BENCH_SHAPES = {
    **_COMMON,
    "hidden_size": 512,
    "intermediate_size": 1376,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "vision_config": {
        "embed_dim": 384,
        "image_size": 224,
        "patch_size": 14,
        "intermediate_size": 1536,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "hidden_act": "gelu",
    },
    "perceiver_config": {
        "use_resampler": True,
        "resampler_depth": 3,
        "resampler_n_heads": 6,
        "resampler_head_dim": 64,
        "resampler_n_latents": 64,
        "qk_layer_norms_perceiver": True,
    },
}
_QUICK_SHAPES = {
    **_BENCH_SHAPES,
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_attention_heads": 4,
    "vision_config": {
        **_BENCH_SHAPES["vision_config"],
        "embed_dim": 192,
        "image_size": 112,
        "intermediate_size": 768,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
    },
    "perceiver_config": {
        **_BENCH_SHAPES["perceiver_config"],
        "resampler_depth": 2,
        "resampler_n_heads": 3,
        "resampler_n_latents": 32,
    },
}
_9B_SHAPES = {
    **_COMMON,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vision_config": {
        "embed_dim": 1280,
        "image_size": 224,
        "patch_size": 14,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "hidden_act": "gelu",
    },
    "perceiver_config": {
        "use_resampler": True,
        "resampler_depth": 6,
        "resampler_n_heads": 16,
        "resampler_head_dim": 96,
        "resampler_n_latents": 64,
        "qk_layer_norms_perceiver": True,
    },
}

CONFIGS: Mapping[str, BenchConfig] = {
    config.name: config
    for config in (
        BenchConfig(
            name="bench",
            shapes=_BENCH_SHAPES,
            cases=parse_cases(_ALL),
            num_queries=400,
            num_pictures=100,
            num_support=256,
            rounds=3,
            sample_images=256,
            num_warmup=2,
        ),
        BenchConfig(
            name="quick",
            shapes=_QUICK_SHAPES,
            cases=parse_cases(("random-4", "fixed-8", "classes-10")),
            num_queries=24,
            num_pictures=8,
            num_support=16,
            rounds=1,
            sample_images=64,
            num_warmup=2,
        ),
        BenchConfig(
            name="9b",
            shapes=_9B_SHAPES,
            cases=parse_cases(("random-4", "random-32", "fixed-32", "classes-100")),
            num_queries=400,
            num_pictures=100,
            num_support=256,
            rounds=1,
            sample_images=512,
            # Whatever is compiled, tuned or captured at first use is so before the clock starts.
            num_warmup=16,
            needs_gpu=True,
        ),
    )
}
