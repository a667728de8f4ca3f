"""Pictures on their way to workers.

A path travels as a path: all machines see the same files under the same names. Bytes, and what a
function reads (rows of hub data sets), go through Ray's object store, each once, and are fetched
when a worker decodes them.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from evals.execution.worker import Picture
from evals.types import GenerateRequest, Image, LogLikelihoodRequest, Prompt

MAX_BYTES = 1 << 30
"""Of pictures that are kept in the store for later prompts; those of a chunk stay in any case."""

AnyItem = TypeVar("AnyItem", GenerateRequest, LogLikelihoodRequest, Picture)


@dataclass(frozen=True, slots=True)
class Stored:
    """Fetches a picture's encoded bytes when called."""

    reference: Any

    def __call__(self) -> bytes:
        import ray

        fetched: bytes = ray.get(self.reference)
        return fetched


@dataclass
class Pictures:
    """Mutable on purpose: it remembers what lies in the store."""

    ray: Any
    max_bytes: int = MAX_BYTES
    _stored: OrderedDict[str, tuple[Image, int]] = field(default_factory=OrderedDict)
    """sha256 -> the picture as it travels, and its bytes."""
    _num_bytes: int = 0

    def pack(self, item: AnyItem) -> AnyItem:
        """Return a request with its pictures as they travel."""
        if isinstance(item, Picture):
            return replace(item, image=self._pack(item.image))
        prompt: Prompt = tuple(
            self._pack(part) if isinstance(part, Image) else part for part in item.prompt
        )
        return replace(item, prompt=prompt)

    def _pack(self, image: Image) -> Image:
        source = image.source
        if isinstance(source, Path):
            return _with_hash(Image(source.absolute(), image.name), image.sha256)
        if not isinstance(source, bytes) and not callable(source):
            return image  # a URL, or a PIL image, which pickles itself
        held = self._stored.get(image.sha256)
        if held is None:
            content = image.read_bytes()
            stored = Stored(self.ray.put(content))
            held = _with_hash(Image(stored, str(image)), image.sha256), len(content)
            self._stored[image.sha256] = held
            self._num_bytes += len(content)
            while self._num_bytes > self.max_bytes and len(self._stored) > 1:
                _, (_, num_bytes) = self._stored.popitem(last=False)
                self._num_bytes -= num_bytes
        self._stored.move_to_end(image.sha256)
        return held[0]


def _with_hash(image: Image, sha256: str) -> Image:
    """Return the picture with its hash, which travels with it: nobody reads it again for that."""
    image.__dict__["sha256"] = sha256
    return image
