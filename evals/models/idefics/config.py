"""A checkpoint's config.json as frozen values; everything about the shapes is read from it.

Names and defaults follow transformers' `IdeficsConfig` (5.23); the hub's files leave out what
their transformers did not know yet (the vision tower's `hidden_act`; 80B's
`max_position_embeddings`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from evals.errors import CheckpointError, list_problems

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
    values = _Values(read_json(path))
    if (model_type := values.get("model_type", None)) != "idefics":
        raise CheckpointError(
            f"{path}: model_type is {model_type!r}, not 'idefics'; this loads IDEFICS checkpoints "
            "(HuggingFaceM4/idefics-9b and its like) only"
        )
    config = _parse(values, eos=_read_eos(folder, values.get("eos_token_id", 2)))
    problems = values.problems or _check(config)
    if problems:
        raise CheckpointError(f"{path} cannot be used:\n{list_problems(problems)}")
    return config


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a checkpoint's JSON object.

    Raises:
        CheckpointError: the file is missing or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}); a checkpoint folder has the files of "
            "HuggingFaceM4/idefics-9b on the hub"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} must hold a JSON object")
    return values


class _Values:
    """A JSON object that notes what it lacks, so that all of it is reported at once."""

    def __init__(
        self, values: Mapping[str, Any], *, prefix: str = "", problems: list[str] | None = None
    ) -> None:
        self._values = values
        self._prefix = prefix
        self.problems: list[str] = [] if problems is None else problems

    def get(self, key: str, default: Any) -> Any:
        value = self._values.get(key)
        return default if value is None else value

    def count(self, key: str, default: int | None = None) -> int:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problems.append(
                f"{self._prefix}{key} is missing"
                if value is None
                else f"{self._prefix}{key} is {value!r}, not a whole number"
            )
            return 1
        return value

    def sub(self, key: str) -> "_Values":
        return _Values(self.get(key, {}), prefix=f"{key}.", problems=self.problems)


def _parse(values: _Values, *, eos: tuple[int, ...]) -> IdeficsConfig:
    vision, resampler = values.sub("vision_config"), values.sub("perceiver_config")
    width = values.count("hidden_size")
    rope = values.get("rope_parameters", {})
    if (rope_type := rope.get("rope_type", "default")) != "default":
        values.problems.append(f"rope_parameters.rope_type is {rope_type!r}, not 'default'")
    if (alpha := values.get("alpha_type", "float")) not in ("float", "vector"):
        values.problems.append(f"alpha_type is {alpha!r}, not 'float' or 'vector'")
    return IdeficsConfig(
        vocab_size=values.count("vocab_size"),
        additional_vocab_size=values.count("additional_vocab_size"),
        width=width,
        intermediate_size=values.count("intermediate_size"),
        num_layers=values.count("num_hidden_layers"),
        num_heads=values.count("num_attention_heads"),
        activation=values.get("hidden_act", "silu"),
        rms_norm_eps=float(values.get("rms_norm_eps", 1e-6)),
        rope_theta=float(rope.get("rope_theta", values.get("rope_theta", 10000.0))),
        cross_layer_interval=values.count("cross_layer_interval", 1),
        qk_norm=bool(values.get("qk_layer_norms", False)),
        gate_shape=(1, 1, width) if alpha == "vector" else (1,),
        max_tokens=values.count("max_sequence_length", values.get("max_position_embeddings", None)),
        bos_id=values.count("bos_token_id", 1),
        eos_ids=eos,
        tied_head=bool(values.get("tie_word_embeddings", False)),
        vision=VisionConfig(
            width=vision.count("embed_dim"),
            intermediate_size=vision.count("intermediate_size"),
            num_layers=vision.count("num_hidden_layers"),
            num_heads=vision.count("num_attention_heads"),
            num_channels=vision.count("num_channels", 3),
            image_size=vision.count("image_size"),
            patch_size=vision.count("patch_size"),
            activation=vision.get("hidden_act", "gelu"),
            layer_norm_eps=float(vision.get("layer_norm_eps", 1e-5)),
        ),
        resampler=ResamplerConfig(
            num_latents=resampler.count("resampler_n_latents"),
            depth=resampler.count("resampler_depth"),
            num_heads=resampler.count("resampler_n_heads"),
            head_dim=resampler.count("resampler_head_dim"),
            qk_norm=bool(resampler.get("qk_layer_norms_perceiver", False)),
        )
        if values.get("use_resampler", False)
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
        f"{name} is {activation!r}, not one of {', '.join(get_args(Activation))}"
        for name, activation in (
            ("hidden_act", config.activation),
            ("vision_config.hidden_act", config.vision.activation),
        )
        if activation not in get_args(Activation)
    ]
    return problems + [
        f"{what} must divide without remainder, and {whole} by {part} does not"
        for what, (whole, part) in shares.items()
        if not part or whole % part
    ]


def _read_eos(folder: Path, default: int | list[int]) -> tuple[int, ...]:
    """Return the ids that end an answer; like `generate`, generation_config.json goes first."""
    path = folder / "generation_config.json"
    eos = read_json(path).get("eos_token_id") if path.is_file() else None
    eos = default if eos is None else eos
    return tuple(eos) if isinstance(eos, list) else (int(eos),)
