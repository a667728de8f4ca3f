"""What a model is to the harness."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from evals.types.prompts import Prompt
from evals.types.requests import GenerateRequest, Generation, LogLikelihoodRequest, LogLikelihoods


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a number was made with, known before any weight is read."""

    name: str
    checkpoint: str
    """The folder or hub id as the user gave it."""
    fingerprint: str
    """One sha256 over the checkpoint's files (`files`)."""
    files: Mapping[str, str]
    """File name -> sha256."""
    dtype: str
    device: str
    revision: str = ""
    """The commit of a hub repository."""
    num_devices: int = 1
    """That hold it together."""


class Model(Protocol):
    """Answers in any order, keyed by id; an answer depends on its request alone."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def max_tokens(self) -> int:
        """Prompt and answer together."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What has happened so far that a summary should say: that memory ran out, say."""
        ...

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int: ...

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]: ...

    def loglikelihood(
        self, requests: Iterable[LogLikelihoodRequest]
    ) -> Iterator[LogLikelihoods]: ...


class ModelSpec(Protocol):
    """A model's settings: says what it would be before it is loaded (a finished run never is)."""

    def describe(self) -> ModelInfo: ...

    def load(self) -> Model: ...


@runtime_checkable
class FrugalSpec(ModelSpec, Protocol):
    """Settings that say which others would take less memory."""

    def list_savings(self) -> Sequence[str]:
        """Return settings as the command line has them, each with what it saves, best first."""
        ...


class PromptReader(Protocol):
    """How long prompts are to a model: its tokenizer and its limit, without the weights."""

    @property
    def max_tokens(self) -> int:
        """Prompt and answer together."""
        ...

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int: ...


@runtime_checkable
class ReadableSpec(ModelSpec, Protocol):
    """Settings of a model that may answer elsewhere, while prompts are made here."""

    def load_reader(self) -> PromptReader: ...


@runtime_checkable
class HubSpec(ReadableSpec, Protocol):
    """Settings of a model of a hub, where a branch may move between one machine and the next."""

    def at_revision(self, revision: str) -> ReadableSpec:
        """Return the same settings for one commit."""
        ...
