"""A checkpoint's config.json as frozen values; everything about the shapes is read from it.

Names and defaults follow transformers' `IdeficsConfig` (5.23); the hub's files leave out what
their transformers did not know yet (the vision tower's `hidden_act`; 80B's
`max_position_embeddings`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from evals.errors import CheckpointError, list_problems
from evals.models.idefics.json_file import MAX_LAYERS, MAX_SIZE, Values, read_json

Activation = Literal["silu", "gelu", "quick_gelu", "relu"]


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """The CLIP ViT."""

    width: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_channels: int
    image_size: int
    patch_size: int
    activation: Activation
    layer_norm_eps: float

    @property
    def num_positions(self) -> int:
        """Patches and the class token."""
        return (self.image_size // self.patch_size) ** 2 + 1


@dataclass(frozen=True, slots=True)
class ResamplerConfig:
    """The perceiver resampler."""

    num_latents: int
    depth: int
    num_heads: int
    head_dim: int
    qk_norm: bool


@dataclass(frozen=True, slots=True)
class IdeficsConfig:
    vocab_size: int
    additional_vocab_size: int
    """Rows of the decoupled embedding and head that follow LLaMA's 32,000: 2, instruct 3."""
    width: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    activation: Activation
    rms_norm_eps: float
    rope_theta: float
    cross_layer_interval: int
    """A gated cross-attention layer stands before every so many language layers."""
    qk_norm: bool
    """RMSNorm per head on the queries and keys of the cross-attention."""
    gate_shape: tuple[int, ...]
    """`(1,)`, or `(1, 1, width)` where `alpha_type` is "vector"."""
    max_tokens: int
    bos_id: int
    eos_ids: tuple[int, ...]
    tied_head: bool
    vision: VisionConfig
    resampler: ResamplerConfig | None
    """`None` where the language model looks at the vision tower's states themselves."""

    @property
    def total_vocab_size(self) -> int:
        return self.vocab_size + self.additional_vocab_size

    @property
    def head_dim(self) -> int:
        return self.width // self.num_heads

    @property
    def num_latents(self) -> int:
        """Of a picture: how many states the language model looks at."""
        return self.resampler.num_latents if self.resampler else self.vision.num_positions

    @property
    def num_gated_layers(self) -> int:
        return self.num_layers // self.cross_layer_interval


def read_config(folder: Path) -> IdeficsConfig:
    """Read config.json (and, for the EOS ids, generation_config.json) of a checkpoint folder.

    Raises:
        CheckpointError: a file is missing or malformed, is not IDEFICS's, or lacks keys: all of
            them are listed.
    """
    path = folder / "config.json"
    values = Values(read_json(path))
    if (model_type := values.get("model_type")) != "idefics":
        raise CheckpointError(
            f"{path}: model_type is {model_type!r:.60}, not 'idefics'; this loads IDEFICS "
            "checkpoints (HuggingFaceM4/idefics-9b and its like) only"
        )
    config = _parse(values, eos=_read_eos(folder, values))
    problems = values.problems or _check(config)
    if problems:
        raise CheckpointError(f"{path} cannot be used:\n{list_problems(problems)}")
    return config


def _parse(values: Values, *, eos: tuple[int, ...]) -> IdeficsConfig:
    vision, resampler = values.sub("vision_config"), values.sub("perceiver_config")
    width = values.count("hidden_size", least=1)
    rope = values.sub("rope_parameters")
    if (rope_type := rope.get("rope_type", "default")) != "default":
        values.problems.append(f"rope_parameters.rope_type is {rope_type!r:.60}, not 'default'")
    if (alpha := values.get("alpha_type", "float")) not in ("float", "vector"):
        values.problems.append(f"alpha_type is {alpha!r:.60}, not 'float' or 'vector'")
    return IdeficsConfig(
        vocab_size=values.count("vocab_size", least=1),
        additional_vocab_size=values.count("additional_vocab_size"),
        width=width,
        intermediate_size=values.count("intermediate_size", least=1),
        num_layers=values.count("num_hidden_layers", least=1, most=MAX_LAYERS),
        num_heads=values.count("num_attention_heads"),
        activation=values.get("hidden_act", "silu"),
        rms_norm_eps=values.number("rms_norm_eps", 1e-6),
        rope_theta=rope.number("rope_theta", values.number("rope_theta", 10000.0)),
        cross_layer_interval=values.count("cross_layer_interval", 1),
        qk_norm=values.flag("qk_layer_norms"),
        gate_shape=(1, 1, width) if alpha == "vector" else (1,),
        max_tokens=values.count("max_sequence_length", values.get("max_position_embeddings")),
        bos_id=values.count("bos_token_id", 1),
        eos_ids=eos,
        tied_head=values.flag("tie_word_embeddings"),
        vision=VisionConfig(
            width=vision.count("embed_dim", least=1),
            intermediate_size=vision.count("intermediate_size", least=1),
            num_layers=vision.count("num_hidden_layers", least=1, most=MAX_LAYERS),
            num_heads=vision.count("num_attention_heads"),
            num_channels=vision.count("num_channels", 3, least=3, most=3),
            image_size=vision.count("image_size", least=1),
            patch_size=vision.count("patch_size", least=1),
            activation=vision.get("hidden_act", "gelu"),
            layer_norm_eps=vision.number("layer_norm_eps", 1e-5),
        ),
        resampler=ResamplerConfig(
            num_latents=resampler.count("resampler_n_latents", least=1),
            depth=resampler.count("resampler_depth", least=1, most=MAX_LAYERS),
            num_heads=resampler.count("resampler_n_heads", least=1),
            head_dim=resampler.count("resampler_head_dim", least=1),
            qk_norm=resampler.flag("qk_layer_norms_perceiver"),
        )
        if values.flag("use_resampler")
        else None,
    )


def _check(config: IdeficsConfig) -> list[str]:
    """Return what no IDEFICS can be built from."""
    shares = {
        "hidden_size by num_attention_heads": (config.width, config.num_heads),
        "num_hidden_layers by cross_layer_interval": (
            config.num_layers,
            config.cross_layer_interval,
        ),
        "vision_config.embed_dim by num_attention_heads": (
            config.vision.width,
            config.vision.num_heads,
        ),
    }
    problems = [
        f"{name} is {activation!r:.60}, not one of {', '.join(get_args(Activation))}"
        for name, activation in (
            ("hidden_act", config.activation),
            ("vision_config.hidden_act", config.vision.activation),
        )
        if activation not in get_args(Activation)
    ]
    if config.vision.patch_size > config.vision.image_size:
        problems.append("vision_config.patch_size is larger than vision_config.image_size")
    if config.num_heads and config.head_dim % 2:
        problems.append(f"hidden_size by num_attention_heads is {config.head_dim}, an odd number")
    return problems + [
        f"{what} must divide without remainder, and {whole} by {part} does not"
        for what, (whole, part) in shares.items()
        if not part or whole % part
    ]


def _read_eos(folder: Path, values: Values) -> tuple[int, ...]:
    """Return the ids that end an answer; like `generate`, generation_config.json goes first."""
    path = folder / "generation_config.json"
    eos = read_json(path).get("eos_token_id") if path.is_file() else None
    eos = values.get("eos_token_id", 2) if eos is None else eos
    ids = eos if isinstance(eos, list) else [eos]
    if not ids or not all(type(each) is int and 0 <= each <= MAX_SIZE for each in ids):
        values.problems.append(f"eos_token_id is {eos!r:.60}, not a token's id or a list of them")
        return (2,)
    return tuple(ids)
