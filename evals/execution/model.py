"""A model whose answers come from workers: to the runner it is a `Model` like any other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evals.execution.chunks import Waiting, estimate_length
from evals.execution.crew import Crew
from evals.execution.pictures import AnyItem, Pictures
from evals.execution.worker import Feature, Picture
from evals.types import (
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
    PromptReader,
)

SLICE = 32
"""Requests that are read ahead at a time, between two looks at what has come."""
POLL_SECONDS = 1.0
"""At most, between two looks at who has died, hangs or has joined."""


@dataclass(frozen=True, slots=True)
class SpreadModel:
    """Hands out chunks, collects answers as they come; whoever asks is the only one that writes."""

    info: ModelInfo
    reader: PromptReader
    crew: Crew
    pictures: Pictures
    chunk_size: int

    @property
    def max_tokens(self) -> int:
        return self.reader.max_tokens

    @property
    def notes(self) -> Sequence[str]:
        return tuple(self.crew.notes)

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return self.reader.count_tokens(prompt, bos=bos)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        """Answer requests, in any order.

        Raises:
            Exception: what a worker's model raised; the answers until then are yielded before.
            WorkerError: workers die again and again.
        """
        return self._answer("generate", requests, _measure)

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        """Score the choices of requests, in any order; raises as `generate` does."""
        return self._answer("loglikelihood", requests, _measure)

    def image_features(self, images: Iterable[Image]) -> Iterator[npt.NDArray[np.float32]]:
        """Yield each picture's feature, in order; raises as `generate` does."""
        pictures = (Picture(str(number), image) for number, image in enumerate(images))
        came: dict[str, Feature] = {}
        number = 0
        for feature in self._answer("image_features", pictures, lambda _: 1):
            came[feature.id] = feature
            while (next_one := came.pop(str(number), None)) is not None:
                number += 1
                yield next_one.values

    def _answer(
        self, kind: str, items: Iterable[AnyItem], length: Callable[[AnyItem], int]
    ) -> Iterator[Any]:
        crew = self.crew
        waiting = Waiting(items, length, chunk_size=self.chunk_size)
        try:
            while True:
                crew.staff()
                for member in crew.idle:
                    if chunk := waiting.take(crew.num_ready):
                        packed = [self.pictures.pack(item) for item in chunk.unanswered.values()]
                        crew.give(member, kind, chunk, packed)
                if waiting.is_over and not crew.is_busy:
                    return
                limit = self.chunk_size * (1 + crew.num_ready)
                has_read = waiting.read_ahead(limit, at_most=SLICE)
                heard = crew.listen(0 if has_read else POLL_SECONDS)
                for chunk in heard.left:
                    waiting.put_back(chunk)
                yield from heard.answers
                if heard.error:
                    raise heard.error
        finally:
            crew.abandon()


def _measure(request: GenerateRequest | LogLikelihoodRequest) -> int:
    return estimate_length(request.prompt)
