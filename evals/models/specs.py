"""A model's settings: what configs/model/*.yaml says, and what the model would be.

`describe` reads no weights (a finished run never loads them), `load` does. Both read what `found`
is: settings find their checkpoint once, when they are first asked, so that what is loaded is what
was fingerprinted.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from evals.models.checkpoint_files import fingerprint, hash_files
from evals.models.checkpoints import Checkpoint, resolve_checkpoint, unchanged
from evals.models.devices import (
    check_settings,
    resolve_device,
    resolve_dtype,
    torch_device,
    torch_dtype,
)
from evals.models.division import Division, read_division
from evals.models.mock import MOCK_INFO, MockModel
from evals.models.savings import save_batch, save_type, save_weights
from evals.resources import tiny_checkpoint_dir
from evals.types import ModelInfo, PromptReader

if TYPE_CHECKING:
    from evals.models.idefics.engine import IdeficsModel
    from evals.models.transformers_idefics import TransformersModel

NOT_IN_IDENTITY = frozenset(
    {
        *("checkpoint", "revision", "verify"),
        *("device", "dtype", "quantise", "parallel", "num_devices"),
        *("batch_size", "allow_urls", "cache_dir", "num_workers"),
    }
)
"""Settings that move no answer, or that `ModelInfo` names by what came of them: the checkpoint's
fingerprint, the dtype."""


@dataclass(frozen=True)
class IdeficsSpec:
    """The built-in model."""

    NOT_IN_IDENTITY: ClassVar[frozenset[str]] = NOT_IN_IDENTITY

    checkpoint: str
    """A folder, or a repository of the Hugging Face hub."""
    device: str = "auto"
    """auto (a GPU if there is one), cpu, cuda or cuda:N."""
    dtype: str = "auto"
    """auto (bfloat16 on a GPU, float32 on the CPU), float32, bfloat16 or float16."""
    batch_size: int | None = None
    """At most so many answers under way at a time; `None`: as many as fit and help."""
    revision: str | None = None
    """Branch, tag or commit of a hub repository."""
    allow_urls: bool | str = False
    """Fetch pictures behind URLs in prompts: false, true, or private (evals.models.urls)."""
    verify: bool = False
    """Hash every byte of the checkpoint again, whatever was remembered of its files."""
    cache_dir: str | None = None
    """Keeps what pictures became (their latents) for other runs; several may share it."""
    num_workers: int | None = None
    """Processes that decode pictures; `None`: for half of the CPU cores."""
    parallel: str | None = None
    """How several devices hold it: layers (one after the other), tensor (each a share of every
    matrix), or `None`: one device."""
    num_devices: int | None = None
    """How many; `None`: all GPUs."""
    quantise: str | None = None
    """What the layers' weights become: int8 or int4, by torchao. It changes answers."""

    @cached_property
    def found(self) -> Checkpoint:
        """The checkpoint, found when it is first asked for."""
        return resolve_checkpoint(self.checkpoint, revision=self.revision)

    @cached_property
    def info(self) -> ModelInfo:
        info = _describe("idefics", self)
        division = _divide(self, info)
        return replace(
            info, dtype=division.name_dtype(info.dtype), num_devices=division.num_devices
        )

    def describe(self) -> ModelInfo:
        return self.info

    def load(self) -> IdeficsModel:
        return _load_idefics(self, self.info)

    def load_reader(self) -> PromptReader:
        return _load_reader(self)

    def at_revision(self, revision: str) -> IdeficsSpec:
        return replace(self, revision=revision)

    def list_savings(self) -> list[str]:
        return [
            *save_type(_own_dtype(self)),
            *save_weights(self.quantise, self.parallel),
            *save_batch(self.batch_size),
        ]

    def __getstate__(self) -> dict[str, object]:
        return _name_fields(self)


@dataclass(frozen=True)
class TransformersSpec:
    """The same checkpoints through transformers: the oracle. One request at a time."""

    NOT_IN_IDENTITY: ClassVar[frozenset[str]] = NOT_IN_IDENTITY

    checkpoint: str
    """A folder, or a repository of the Hugging Face hub."""
    device: str = "auto"
    """auto (a GPU if there is one), cpu, cuda or cuda:N."""
    dtype: str = "auto"
    """auto (bfloat16 on a GPU, float32 on the CPU), float32, bfloat16 or float16."""
    batch_size: int | None = None
    """Accepted so that one command line fits both models: the oracle answers one by one."""
    revision: str | None = None
    """Branch, tag or commit of a hub repository."""
    allow_urls: bool | str = False
    """Fetch pictures behind URLs in prompts: false, true, or private (evals.models.urls)."""
    verify: bool = False
    """Hash every byte of the checkpoint again, whatever was remembered of its files."""

    @cached_property
    def found(self) -> Checkpoint:
        """The checkpoint, found when it is first asked for."""
        return resolve_checkpoint(self.checkpoint, revision=self.revision)

    @cached_property
    def info(self) -> ModelInfo:
        return _describe("transformers", self)

    def describe(self) -> ModelInfo:
        return self.info

    def load(self) -> TransformersModel:
        from evals.models.transformers_idefics import load_transformers

        with unchanged(self.found) as folder:
            return load_transformers(
                folder,
                self.info,
                device=torch_device(self.info.device),
                dtype=torch_dtype(self.info.dtype),
                allow_urls=self.allow_urls,
            )

    def load_reader(self) -> PromptReader:
        return _load_reader(self)

    def at_revision(self, revision: str) -> TransformersSpec:
        return replace(self, revision=revision)

    def list_savings(self) -> list[str]:
        return [
            *save_type(_own_dtype(self)),
            "model=idefics: no weight twice in memory, no picture twice",
        ]

    def __getstate__(self) -> dict[str, object]:
        return _name_fields(self)


@dataclass(frozen=True)
class TinySpec:
    """The built-in model on the small trained checkpoint that travels with the package."""

    NOT_IN_IDENTITY: ClassVar[frozenset[str]] = NOT_IN_IDENTITY

    device: str = "cpu"
    """Small matrices gain nothing on a GPU."""
    dtype: str = "auto"
    batch_size: int | None = None
    allow_urls: bool | str = False
    cache_dir: str | None = None
    num_workers: int | None = 0
    """Its pictures are small: they are decoded in passing."""

    def describe(self) -> ModelInfo:
        # Where the package is installed is nobody's business in a record of a run.
        return replace(_describe("tiny", self.as_idefics), checkpoint="tiny")

    def load(self) -> IdeficsModel:
        return _load_idefics(self.as_idefics, self.describe())

    def load_reader(self) -> PromptReader:
        return _load_reader(self.as_idefics)

    def list_savings(self) -> list[str]:
        return save_type(_own_dtype(self)) + save_batch(self.batch_size)

    def __getstate__(self) -> dict[str, object]:
        return _name_fields(self)

    @cached_property
    def as_idefics(self) -> IdeficsSpec:
        """The same as any other checkpoint's settings."""
        return IdeficsSpec(
            str(tiny_checkpoint_dir()),
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            allow_urls=self.allow_urls,
            cache_dir=self.cache_dir,
            num_workers=self.num_workers,
        )


@dataclass(frozen=True, slots=True)
class MockSpec:
    """Answers made up from the prompt alone, for dry runs and tests."""

    max_tokens: int = 2048

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> MockModel:
        return MockModel(max_tokens=self.max_tokens)

    def load_reader(self) -> PromptReader:
        return self.load()


def _describe(name: str, spec: IdeficsSpec | TransformersSpec) -> ModelInfo:
    """Check the settings, and find and hash the checkpoint.

    Raises:
        ConfigError: a device, type or batch size that does not exist.
        CheckpointError: the checkpoint cannot be found.
    """
    check_settings(spec.device, spec.dtype, spec.batch_size)
    device = resolve_device(spec.device)
    with unchanged(spec.found) as folder:
        files = hash_files(folder, verify=spec.verify)
    return ModelInfo(
        name=name,
        checkpoint=str(spec.checkpoint),
        fingerprint=fingerprint(files),
        files=files,
        dtype=resolve_dtype(spec.dtype, device),
        device=device,
        revision=spec.found.revision,
    )


def _load_idefics(spec: IdeficsSpec, info: ModelInfo) -> IdeficsModel:
    from evals.models.idefics.loading import load_idefics

    with unchanged(spec.found) as folder:
        return load_idefics(
            folder,
            info,
            device=torch_device(info.device),
            dtype=torch_dtype(resolve_dtype(spec.dtype, info.device)),
            batch_size=spec.batch_size,
            allow_urls=spec.allow_urls,
            cache_dir=Path(spec.cache_dir).expanduser() if spec.cache_dir else None,
            num_workers=spec.num_workers,
            division=_divide(spec, info),
        )


def _divide(spec: IdeficsSpec, info: ModelInfo) -> Division:
    return read_division(spec.parallel, spec.num_devices, spec.quantise, device=info.device)


def _load_reader(spec: IdeficsSpec | TransformersSpec) -> PromptReader:
    """Read the tokenizer and the limit; transformers' processor makes the same tokens."""
    from evals.models.idefics.reader import read_reader

    with unchanged(spec.found) as folder:
        return read_reader(folder)


def _own_dtype(spec: IdeficsSpec | TransformersSpec | TinySpec) -> str:
    return resolve_dtype(spec.dtype, resolve_device(spec.device))


def _name_fields(spec: IdeficsSpec | TransformersSpec | TinySpec) -> dict[str, object]:
    """Return what travels to another machine: what was found on this one may not be there."""
    return {field.name: getattr(spec, field.name) for field in fields(spec)}
