"""The built-in IDEFICS as a `Model`: requests in, responses out.

Requests are read a window ahead: their pictures begin to be decoded while the window before is
answered, prompts that begin alike are found, and prompts of like length go together. What lies
below knows no request.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from evals.errors import PromptError
from evals.models.idefics.batch import Memory
from evals.models.idefics.features import pool_images, states_before_pictures
from evals.models.idefics.generating import generate
from evals.models.idefics.limits import Limits
from evals.models.idefics.model import Idefics
from evals.models.idefics.pictures import Pictures
from evals.models.idefics.prefix import Prefix, PrefixKey, recall_prefix
from evals.models.idefics.rules import make_rules
from evals.models.idefics.scoring import score
from evals.models.idefics.sharing import find_shared_prefixes
from evals.models.idefics.tokens import EncodedChoices, EncodedPrompt, PromptTokenizer
from evals.models.quickstart import read_quickstart
from evals.models.requests import check_length, read_requests
from evals.models.urls import fetch_urls
from evals.text import cut_before
from evals.types import (
    Decoding,
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
)

VISION_BATCH = 8
"""Pictures that are encoded together."""
WINDOW = 512
"""Requests read together."""

_T = TypeVar("_T")
_Request = TypeVar("_Request", GenerateRequest, LogLikelihoodRequest)
_Encoded = TypeVar("_Encoded", EncodedPrompt, EncodedChoices)


@dataclass(frozen=True, slots=True)
class IdeficsModel:
    """Reads prompts and answers them; made by `load_idefics` (`loading.py`)."""

    info: ModelInfo
    network: Idefics
    tokenizer: PromptTokenizer
    pictures: Pictures
    memory: Memory
    limits: Limits
    allow_urls: bool | str = False
    close_group: Callable[[], None] | None = None
    """Ends the processes that have shares of the network."""
    prefixes: "OrderedDict[PrefixKey, Prefix]" = field(default_factory=OrderedDict)

    @property
    def max_tokens(self) -> int:
        return self.network.config.max_tokens

    @property
    def notes(self) -> tuple[str, ...]:
        """What happened that a summary should say."""
        return tuple(self.limits.notes)

    def close(self) -> None:
        """End the processes that decode pictures or share the network; the rest ends by itself."""
        self.pictures.close()
        if self.close_group is not None:
            self.close_group()

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return len(self.tokenizer.encode(prompt, bos=bos).ids)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        """Answer requests, greedily or with beams, in any order.

        Raises:
            PromptError: prompts of a window are too long or cannot be read; all are listed.
            DataError: a picture cannot be read.
        """
        for window, prompts in self._read_ahead(requests, self._encode, _prompt_images):
            for decoding in dict.fromkeys(request.decoding for request in window):
                rules = make_rules(decoding, self.tokenizer, eos_ids=self.network.config.eos_ids)
                same = {
                    index: prompts[index]
                    for index, request in enumerate(window)
                    if request.decoding == decoding
                }
                for group, prefix in self._share_prefixes(same):
                    for index, answer in generate(
                        group, rules, self.memory, self.limits, prefix=prefix
                    ):
                        yield Generation(
                            id=window[index].id,
                            text=self.tokenizer.decode(answer.ids),
                            token_ids=answer.ids,
                            logprob=answer.logprob,
                            num_prompt_tokens=len(prompts[index].ids),
                            finish_reason=answer.finish_reason,
                        )

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        """Score the choices of requests, in any order.

        Raises:
            PromptError: prompts of a window are too long or cannot be read; all are listed.
            DataError: a picture cannot be read.
        """
        for window, encoded in self._read_ahead(requests, self._encode_choices, _choice_images):
            shared = {index: choices.shared for index, choices in enumerate(encoded)}
            for group, prefix in self._share_prefixes(shared):
                some = {index: encoded[index] for index in group}
                for index, logprobs in score(some, self.memory, self.limits, prefix=prefix):
                    yield LogLikelihoods(
                        id=window[index].id,
                        logprobs=tuple(logprobs),
                        num_tokens=tuple(len(each.ids) for each in encoded[index].continuations),
                        num_prompt_tokens=encoded[index].num_prompt_tokens,
                    )

    def complete(
        self,
        prompts: Sequence[object],
        *,
        max_new_tokens: int,
        stop: str | Sequence[str] = (),
        num_beams: int = 1,
        length_penalty: float = 1.0,
    ) -> list[str]:
        """Continue prompts written as the model card writes them; return a text a prompt.

        A prompt is a list of texts, URLs (with `allow_urls=True`), paths and PIL images; a list
        of such lists is a batch. A text ends before its first stop string.
        """
        stop = (stop,) if isinstance(stop, str) else tuple(stop)
        decoding = Decoding(max_new_tokens, num_beams, length_penalty, stop)
        requests = [
            GenerateRequest(str(index), prompt, decoding)
            for index, prompt in enumerate(read_quickstart(prompts))
        ]
        texts = {generation.id: generation.text for generation in self.generate(requests)}
        return [cut_before(texts[request.id], stop) for request in requests]

    def image_features(self, images: Iterable[Image]) -> Iterator[npt.NDArray[np.float32]]:
        """Yield each picture's pooled class token, float32, of length one: what RICES compares."""
        return pool_images(images, self.memory, self.pictures)

    def states_before_pictures(self, prompt: Prompt) -> npt.NDArray[np.float32]:
        """Return the final hidden states (n, d) of a prompt's tokens before its first picture.

        Raises:
            ValueError: it shows none.
        """
        return states_before_pictures(self.tokenizer.encode(prompt, bos=True), self.memory)

    def _encode(self, request: GenerateRequest) -> EncodedPrompt:
        prompt = fetch_urls(request.prompt, allow_urls=self.allow_urls)
        encoded = self.tokenizer.encode(prompt, bos=request.bos)
        check_length(len(encoded.ids), request.decoding.max_new_tokens, max_tokens=self.max_tokens)
        return encoded

    def _encode_choices(self, request: LogLikelihoodRequest) -> EncodedChoices:
        prompt = fetch_urls(request.prompt, allow_urls=self.allow_urls)
        encoded = self.tokenizer.encode_choices(prompt, request.choices, bos=request.bos)
        longest = max(len(choice.ids) for choice in encoded.continuations)
        check_length(len(encoded.shared.ids), longest, max_tokens=self.max_tokens)
        return encoded

    def _read_ahead(
        self,
        requests: Iterable[_Request],
        encode: Callable[[_Request], _Encoded],
        images: Callable[[_Encoded], Sequence[Image]],
    ) -> Iterator[tuple[list[_Request], list[_Encoded]]]:
        """Yield windows of requests, encoded; the next one's pictures are being decoded."""
        ready = None
        for window in _split(requests, WINDOW):
            try:
                encoded = read_requests(window, encode)
            except PromptError:
                if ready:
                    yield ready
                raise
            self.pictures.prefetch(image for each in encoded for image in images(each))
            if ready:
                yield ready
            ready = window, encoded
        if ready:
            yield ready

    def _share_prefixes(
        self, prompts: Mapping[int, EncodedPrompt]
    ) -> Iterator[tuple[dict[int, EncodedPrompt], Prefix | None]]:
        """Yield the prompts in groups, each with the prefix that it shares."""
        indices = list(prompts)
        keys = [prompts[index].keys(self.tokenizer.image_id) for index in indices]
        for sharing in find_shared_prefixes(keys):
            group = {indices[member]: prompts[indices[member]] for member in sharing.members}
            prefix = None
            if sharing.num_tokens:
                key = tuple(keys[sharing.members[0]][: sharing.num_tokens])
                prefix = self._read_prefix(key, next(iter(group.values())))
            yield group, prefix

    @torch.inference_mode()
    def _read_prefix(self, key: PrefixKey, prompt: EncodedPrompt) -> Prefix:
        """Read a prefix; where memory runs out, once more without what is held for later."""

        def read() -> Prefix:
            with self.memory.tell("prefix", key, prompt):
                return recall_prefix(
                    self.prefixes, self.network, self.memory.projections, key, prompt
                )

        def let_go() -> None:
            self.prefixes.clear()
            self.memory.release()

        with self.limits.watch(let_go) as watch:
            prefix = read()
        return read() if watch.out_of_memory else prefix


def _prompt_images(prompt: EncodedPrompt) -> Sequence[Image]:
    return prompt.images


def _choice_images(choices: EncodedChoices) -> Sequence[Image]:
    return choices.shared.images


def _split(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
