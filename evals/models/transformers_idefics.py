"""The oracle: the same checkpoints through transformers' `IdeficsForVisionText2Text`.

Slow and plain on purpose: one request at a time, and every choice of a closed set read whole.
What the built-in model answers is compared with this.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    IdeficsForVisionText2Text,
    IdeficsProcessor,
    PreTrainedTokenizerFast,
    StoppingCriteriaList,
)

from evals.models.idefics.config import read_config
from evals.models.requests import check_length, read_requests
from evals.models.transformers_processor import decode, load_processor, process
from evals.models.transformers_weights import load_network
from evals.models.urls import fetch_urls
from evals.prompts import build_prompt
from evals.types import (
    Decoding,
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
    Text,
)


@dataclass(frozen=True, slots=True)
class TransformersModel:
    """Made by `load_transformers`."""

    info: ModelInfo
    network: IdeficsForVisionText2Text
    processor: IdeficsProcessor
    max_tokens: int
    eos_ids: tuple[int, ...]
    allow_urls: bool | str = False
    notes: tuple[str, ...] = ()

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        return len(self._tokenize(prompt, bos=bos))

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        """Answer requests one by one.

        Raises:
            PromptError: a prompt is too long, or the processor would misread it.
        """
        for request in requests:
            yield from read_requests([request], self._answer)

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        """Score the choices of requests one by one; each is read with its whole prompt.

        Raises:
            PromptError: a prompt is too long, or the processor would misread it.
        """
        for request in requests:
            yield from read_requests([request], self._score_choices)

    @torch.inference_mode()
    def image_features(self, images: Iterable[Image]) -> Iterator[npt.NDArray[np.float32]]:
        """Yield each picture's pooled class token of the vision tower, float32, of length one."""
        for image in images:
            pixels = self.processor.image_processor([decode(image)], return_tensors="pt")
            pixels = pixels.to(self.network.device, self.network.dtype)
            pooled = self.network.model.vision_model(pixels).pooler_output.float()
            yield torch.nn.functional.normalize(pooled, dim=-1)[0].cpu().numpy()

    def _read(self, prompt: Prompt, *, bos: bool) -> dict[str, Tensor]:
        """Return the processor's tensors for one prompt; without BOS, less its first column."""
        inputs = process(fetch_urls(prompt, allow_urls=self.allow_urls), self.processor)
        if not bos:
            for name in ("input_ids", "attention_mask", "image_attention_mask"):
                inputs[name] = inputs[name][:, 1:]
        return {name: tensor.to(self.network.device) for name, tensor in inputs.items()}

    def _tokenize(self, prompt: Prompt, *, bos: bool) -> list[int]:
        ids: list[int] = self._read(prompt, bos=bos)["input_ids"][0].tolist()
        return ids

    @torch.inference_mode()
    def _answer(self, request: GenerateRequest) -> Generation:
        inputs = self._read(request.prompt, bos=request.bos)
        num_tokens = inputs["input_ids"].shape[1]
        check_length(num_tokens, request.decoding.max_new_tokens, max_tokens=self.max_tokens)
        ids, logprob = self._search(inputs, request.decoding)
        return Generation(
            id=request.id,
            text=self.processor.tokenizer.decode(ids, skip_special_tokens=True),
            token_ids=tuple(ids),
            logprob=logprob,
            num_prompt_tokens=num_tokens,
            finish_reason=self._find_reason(ids, request.decoding),
        )

    @torch.inference_mode()
    def _score_choices(self, request: LogLikelihoodRequest) -> LogLikelihoods:
        alone = self._tokenize(request.prompt, bos=request.bos)
        wholes = [
            self._read(build_prompt((*request.prompt, Text(choice))), bos=request.bos)
            for choice in request.choices
        ]
        ids = [whole["input_ids"][0].tolist() for whole in wholes]
        # All choices are scored from where the first of them leaves the prompt's own tokens.
        shared = min(_count_common(alone, choice_ids) for choice_ids in ids)
        check_length(shared, max(map(len, ids)) - shared, max_tokens=self.max_tokens)
        return LogLikelihoods(
            id=request.id,
            logprobs=tuple(self._score(whole, shared) for whole in wholes),
            num_tokens=tuple(len(choice_ids) - shared for choice_ids in ids),
            num_prompt_tokens=len(alone),
        )

    def _search(self, inputs: dict[str, Tensor], decoding: Decoding) -> tuple[list[int], float]:
        """Return the answer's ids and the sum of their log-probabilities before any ban."""
        num_tokens = inputs["input_ids"].shape[1]
        tokenizer = self.processor.tokenizer
        banned = [
            tokenizer(text, add_special_tokens=False)["input_ids"] for text in decoding.forbidden
        ]
        stops = _StopStrings(tokenizer, decoding.stop, num_tokens)
        output: Any = self.network.generate(
            **inputs,
            generation_config=GenerationConfig(
                max_new_tokens=decoding.max_new_tokens,
                num_beams=decoding.num_beams,
                length_penalty=decoding.length_penalty,
                early_stopping=decoding.early_stopping,
                do_sample=False,
                bad_words_ids=banned or None,
                eos_token_id=self._eos(decoding) or None,
                pad_token_id=0,
                return_dict_in_generate=True,
                output_logits=True,
            ),
            stopping_criteria=StoppingCriteriaList([stops] if decoding.num_beams == 1 else []),
        )
        ids: list[int] = output.sequences[0, num_tokens:].tolist()
        beams = output.beam_indices[0].tolist() if decoding.num_beams > 1 else [0] * len(ids)
        ids = ids[: len(list(takewhile(lambda beam: beam >= 0, beams)))]
        steps = zip(output.logits, beams, ids, strict=False)
        return ids, sum(float(logits[beam].log_softmax(-1)[token]) for logits, beam, token in steps)

    def _eos(self, decoding: Decoding) -> list[int]:
        return list(self.eos_ids if decoding.eos is None else decoding.eos)

    def _find_reason(self, ids: Sequence[int], decoding: Decoding) -> Any:
        if ids[-1] in self._eos(decoding):
            return "eos"
        text = self.processor.tokenizer.decode(ids)
        is_stopped = decoding.num_beams == 1 and any(stop in text for stop in decoding.stop)
        return "stop" if is_stopped else "length"

    def _score(self, whole: dict[str, Tensor], start: int) -> float:
        """Return the log-probability of the tokens from `start` on, given all before them."""
        logprobs = self.network(**whole).logits[0].float().log_softmax(dim=-1)
        ids = whole["input_ids"][0]
        return float(logprobs[start - 1 : -1].gather(1, ids[start:, None]).sum())


@dataclass(frozen=True, slots=True)
class _StopStrings:
    """Ends a greedy answer whose text contains a stop string, special tokens spelt out."""

    tokenizer: PreTrainedTokenizerFast
    stop: tuple[str, ...]
    num_prompt_tokens: int

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        texts = [self.tokenizer.decode(row[self.num_prompt_tokens :]) for row in input_ids]
        ended = [any(stop in text for stop in self.stop) for text in texts]
        return torch.tensor(ended, device=input_ids.device)


def load_transformers(
    folder: Path,
    info: ModelInfo,
    *,
    device: torch.device,
    dtype: torch.dtype,
    allow_urls: bool | str = False,
) -> TransformersModel:
    """Load a checkpoint folder.

    Raises:
        CheckpointError: a small file is missing or malformed, or the weights do not fit.
    """
    config = read_config(folder)
    processor = load_processor(folder, config)
    network = load_network(folder, dtype=dtype).to(device).eval()
    # Whatever a request's decoding leaves unset must not come from the checkpoint's own.
    network.generation_config = GenerationConfig()
    return TransformersModel(
        info=info,
        network=network,
        processor=processor,
        max_tokens=config.max_tokens,
        eos_ids=config.eos_ids,
        allow_urls=allow_urls,
    )


def _count_common(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = zip(first, second, strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
