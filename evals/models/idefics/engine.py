"""The built-in IDEFICS as a `Model`: requests in, responses out, in batches.

Requests are read some batches ahead (a window), so that each picture among them is encoded once,
and prompts of like length and equal decoding share a batch. What lies below knows no request.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evals.models.idefics.batch import start_batch
from evals.models.idefics.beam import search_beams
from evals.models.idefics.config import read_config
from evals.models.idefics.greedy import search_greedily
from evals.models.idefics.images import ImageProcessor, read_image_processor
from evals.models.idefics.model import Idefics
from evals.models.idefics.rules import Rules, make_rules
from evals.models.idefics.scoring import score_choices
from evals.models.idefics.tokens import (
    EncodedChoices,
    EncodedPrompt,
    PromptTokenizer,
    read_tokenizer,
)
from evals.models.idefics.weights import load_weights
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

WINDOW_BATCHES = 16
"""Batches of requests read ahead. At 9B's shapes, batches of 8 and 33 different pictures a
prompt, a window's latents are 0.7 GB."""

_T = TypeVar("_T")

Latents = Mapping[Image, Tensor]
"""Of each picture (l, d)."""


@dataclass(frozen=True, slots=True)
class IdeficsModel:
    """Reads prompts and answers them; made by `load_idefics`."""

    info: ModelInfo
    network: Idefics
    tokenizer: PromptTokenizer
    processor: ImageProcessor
    batch_size: int
    allow_urls: bool = False

    @property
    def max_tokens(self) -> int:
        return self.network.config.max_tokens

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return len(self.tokenizer.encode(prompt, bos=bos).ids)

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        """Answer requests, greedily or with beams, window by window.

        Raises:
            PromptError: prompts of a window are too long or cannot be read; all are listed.
            DataError: a picture cannot be read.
        """
        for window in _split(requests, self.batch_size * WINDOW_BATCHES):
            prompts = read_requests(window, self._encode)
            latents = self._encode_images(prompts)
            for decoding in dict.fromkeys(request.decoding for request in window):
                rules = make_rules(decoding, self.tokenizer, eos_ids=self.network.config.eos_ids)
                same = [i for i, request in enumerate(window) if request.decoding == decoding]
                same.sort(key=lambda i: len(prompts[i].ids))
                for part in _split(same, self.batch_size):
                    yield from self._generate_batch(
                        [window[i] for i in part], [prompts[i] for i in part], latents, rules
                    )

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        """Score the choices of requests, window by window.

        Raises:
            PromptError: prompts of a window are too long or cannot be read; all are listed.
            DataError: a picture cannot be read.
        """
        for window in _split(requests, self.batch_size * WINDOW_BATCHES):
            encoded = read_requests(window, self._encode_choices)
            latents = self._encode_images([choices.shared for choices in encoded])
            order = sorted(range(len(window)), key=lambda i: len(encoded[i].shared.ids))
            for part in _split(order, self.batch_size):
                yield from self._score_batch(
                    [window[i] for i in part], [encoded[i] for i in part], latents
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
        for part in _split(images, self.batch_size):
            with torch.inference_mode():
                pooled = self.network.pool_images(self._read_pixels(part)).float()
                features = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
            yield from features

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

    def _read_pixels(self, images: Sequence[Image]) -> Tensor:
        return torch.stack([self.processor(image) for image in images])

    def _encode_images(self, prompts: Sequence[EncodedPrompt]) -> Latents:
        """Encode each distinct picture of a window once."""
        distinct = dict.fromkeys(image for prompt in prompts for image in prompt.images)
        latents: dict[Image, Tensor] = {}
        for part in _split(distinct, self.batch_size):
            with torch.inference_mode():
                latents.update(
                    zip(part, self.network.encode_images(self._read_pixels(part)), strict=True)
                )
        return latents

    @torch.inference_mode()
    def _generate_batch(
        self,
        requests: Sequence[GenerateRequest],
        prompts: Sequence[EncodedPrompt],
        latents: Latents,
        rules: Rules,
    ) -> list[Generation]:
        batch, logits = start_batch(
            self.network, prompts, latents, num_new_tokens=rules.decoding.max_new_tokens
        )
        search = search_greedily if rules.decoding.num_beams == 1 else search_beams
        return [
            Generation(
                id=requests[answer.row].id,
                text=self.tokenizer.decode(answer.ids),
                token_ids=answer.ids,
                logprob=answer.logprob,
                num_prompt_tokens=len(prompts[answer.row].ids),
                finish_reason=answer.finish_reason,
            )
            for answer in search(batch, logits, [prompt.ids for prompt in prompts], rules=rules)
        ]

    @torch.inference_mode()
    def _score_batch(
        self,
        requests: Sequence[LogLikelihoodRequest],
        encoded: Sequence[EncodedChoices],
        latents: Latents,
    ) -> list[LogLikelihoods]:
        continuations = [choices.continuations for choices in encoded]
        longest = max(len(choice.ids) for group in continuations for choice in group)
        batch, logits = start_batch(
            self.network,
            [choices.shared for choices in encoded],
            latents,
            num_new_tokens=longest,
        )
        sums = score_choices(batch, logits, continuations, batch_size=self.batch_size)
        return [
            LogLikelihoods(
                id=request.id,
                logprobs=tuple(logprobs),
                num_tokens=tuple(len(choice.ids) for choice in choices.continuations),
                num_prompt_tokens=choices.num_prompt_tokens,
            )
            for request, choices, logprobs in zip(requests, encoded, sums, strict=True)
        ]


def load_idefics(
    folder: Path,
    info: ModelInfo,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
    allow_urls: bool = False,
) -> IdeficsModel:
    """Load a checkpoint folder.

    Raises:
        CheckpointError: a file is missing or malformed, or the weights do not fit.
    """
    config = read_config(folder)
    return IdeficsModel(
        info=info,
        network=load_weights(folder, config, device=device, dtype=dtype),
        tokenizer=read_tokenizer(folder, vocab_size=config.total_vocab_size),
        processor=read_image_processor(folder, config),
        batch_size=batch_size,
        allow_urls=allow_urls,
    )


def _split(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
