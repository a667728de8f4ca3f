"""What the runs of one call share: the model, loaded once and only when asked, and the splits."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, TypeVar

from evals.compose import OnError, build_task
from evals.config import Settings, TaskSettings
from evals.identity import ContentDigest, digest_content
from evals.models.out_of_memory import explain_out_of_memory
from evals.types import ExampleSet, Model, ModelInfo, Task

T = TypeVar("T")


class Progress(Protocol):
    """Shows how far a long step is; the command line brings rich's bars."""

    def track(
        self, values: Iterable[T], description: str, *, total: int | None = None
    ) -> Iterator[T]: ...

    def wait(self, description: str) -> AbstractContextManager[None]: ...


@dataclass
class Session:
    """Mutable on purpose: it remembers what was loaded."""

    settings: Settings
    progress: Progress
    _tasks: dict[str, Task] = field(default_factory=dict)
    _splits: dict[tuple[str, str, bool], ExampleSet] = field(default_factory=dict)
    _digests: dict[tuple[str, str], ContentDigest] = field(default_factory=dict)

    @cached_property
    def model_info(self) -> ModelInfo:
        with self.progress.wait("checkpoint files"):
            return self.settings.model.describe()

    @cached_property
    def model(self) -> Model:
        spec = self.settings.model
        with (
            self.progress.wait(f"model {self.model_info.name}"),
            explain_out_of_memory(spec, "while the model was loaded"),
        ):
            return spec.load()

    def task(self, settings: TaskSettings) -> Task:
        if settings.name not in self._tasks:
            self._tasks[settings.name] = build_task(settings.name, settings.plugin)
        return self._tasks[settings.name]

    def load(self, settings: TaskSettings, split: str, *, with_images: bool = True) -> ExampleSet:
        """Read a split, once a call.

        `questions=` and `annotations=` name the query split's files: another support split is
        read from its own, or demonstrations would be drawn from the queries.
        """
        key = (settings.name, split, with_images)
        if key not in self._splits:
            source = replace(
                settings.source,
                with_images=with_images,
                keep_missing=self.settings.on_error is OnError.record,
            )
            if split != settings.split:
                source = replace(source, questions=None, annotations=None, keep_missing=False)
            with self.progress.wait(f"{settings.name} {split}"):
                self._splits[key] = self.task(settings).load(split, source)
        return self._splits[key]

    def digest(self, settings: TaskSettings, split: str) -> ContentDigest:
        """Return what a split is by content, looked at once a call."""
        key = (settings.name, split)
        if key not in self._digests:
            examples = self.load(settings, split)
            with self.progress.wait(f"{settings.name} {split}: content"):
                self._digests[key] = digest_content(examples)
        return self._digests[key]
