"""A model that makes up its answers from the prompt alone: dry runs and tests, no torch.

Equal requests get equal answers, in any order and any process; thousands a second.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evals.models.requests import check_length, read_requests
from evals.types import (
    GenerateRequest,
    Generation,
    Image,
    LogLikelihoodRequest,
    LogLikelihoods,
    ModelInfo,
    Prompt,
)

MOCK_INFO = ModelInfo(
    name="mock",
    checkpoint="mock",
    fingerprint=hashlib.sha256(b"mock 1").hexdigest(),
    files={},
    dtype="none",
    device="none",
)

WORDS = ("yes", "no", "a", "the", "red", "blue", "two", "three", "dog", "cat", "man", "street")


@dataclass(frozen=True, slots=True)
class MockModel:
    max_tokens: int = 2048
    notes: tuple[str, ...] = ()

    @property
    def info(self) -> ModelInfo:
        return MOCK_INFO

    def count_tokens(self, prompt: Prompt, *, bos: bool = True) -> int:
        """Count four characters a token, and three tokens a picture as IDEFICS has."""
        num_tokens = int(bos)
        for segment in prompt:
            num_tokens += 3 if isinstance(segment, Image) else -(-len(segment.text) // 4)
        return num_tokens

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[Generation]:
        """Answer with one to three words, drawn by the prompt's hash.

        Raises:
            PromptError: a prompt and its answer are longer than `max_tokens`.
        """
        for request in requests:
            yield from read_requests([request], self._answer)

    def loglikelihood(self, requests: Iterable[LogLikelihoodRequest]) -> Iterator[LogLikelihoods]:
        """Score each choice between -10 and 0, by the hash of the prompt and the choice.

        Raises:
            PromptError: a prompt and its choice are longer than `max_tokens`.
        """
        for request in requests:
            yield from read_requests([request], self._score)

    def _answer(self, request: GenerateRequest) -> Generation:
        num_new_tokens = request.decoding.max_new_tokens
        digest = _hash_prompt(request.prompt)
        ids = tuple(byte % len(WORDS) for byte in digest[1 : 2 + digest[0] % 3])[:num_new_tokens]
        return Generation(
            id=request.id,
            text=" ".join(WORDS[token] for token in ids),
            token_ids=ids,
            logprob=-float(len(ids)),
            num_prompt_tokens=self._count(request, num_new_tokens),
            finish_reason="length" if len(ids) == num_new_tokens else "eos",
        )

    def _score(self, request: LogLikelihoodRequest) -> LogLikelihoods:
        counts = tuple(max(1, math.ceil(len(choice) / 4)) for choice in request.choices)
        digest = _hash_prompt(request.prompt)
        return LogLikelihoods(
            id=request.id,
            logprobs=tuple(_draw_logprob(digest, choice) for choice in request.choices),
            num_tokens=counts,
            num_prompt_tokens=self._count(request, max(counts)),
        )

    def _count(self, request: GenerateRequest | LogLikelihoodRequest, num_new_tokens: int) -> int:
        num_tokens = self.count_tokens(request.prompt, bos=request.bos)
        check_length(num_tokens, num_new_tokens, max_tokens=self.max_tokens)
        return num_tokens


def _hash_prompt(prompt: Prompt) -> bytes:
    parts = [part.sha256 if isinstance(part, Image) else part.text for part in prompt]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


def _draw_logprob(digest: bytes, choice: str) -> float:
    drawn = hashlib.sha256(digest + choice.encode("utf-8", "surrogatepass")).digest()
    return -10 * int.from_bytes(drawn[:4], "big") / 2**32
