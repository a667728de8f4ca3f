"""What a model is asked, and what it answers."""

from dataclasses import dataclass
from typing import Literal

from evals.types.prompts import Prompt

IMAGE_TOKENS = ("<image>", "<fake_token_around_image>")
"""What a picture becomes in an IDEFICS prompt; an answer must not contain them."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How an answer is generated. Greedy with `num_beams=1`."""

    max_new_tokens: int
    num_beams: int = 1
    length_penalty: float = 1.0
    """Finished beams are ranked by log-probability / length ** length_penalty."""
    stop: tuple[str, ...] = ()
    """A greedy answer ends once its text contains one; a beam's finished text is cut there."""
    forbidden: tuple[str, ...] = IMAGE_TOKENS
    """Each is tokenised, and that token *sequence* is never generated."""
    eos: tuple[int, ...] | None = None
    """Token ids that end an answer; `None` is the checkpoint's own."""
    early_stopping: bool = False
    """Beam search ends with `num_beams` finished beams, without waiting for better ones."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    id: str
    prompt: Prompt
    decoding: Decoding
    bos: bool = True


@dataclass(frozen=True, slots=True)
class LogLikelihoodRequest:
    id: str
    prompt: Prompt
    choices: tuple[str, ...]
    """Continuations of the prompt, each with the space that belongs before it."""
    bos: bool = True


@dataclass(frozen=True, slots=True)
class Generation:
    id: str
    text: str
    """All that was generated, special tokens aside, before any truncation."""
    token_ids: tuple[int, ...]
    """The generated ids, an ending EOS included."""
    logprob: float
    """Sum over `token_ids` of their log-probabilities under the model."""
    num_prompt_tokens: int
    finish_reason: Literal["eos", "stop", "length"]


@dataclass(frozen=True, slots=True)
class LogLikelihoods:
    id: str
    logprobs: tuple[float, ...]
    """Per choice: the sum over its tokens, given the prompt."""
    num_tokens: tuple[int, ...]
    """Per choice: how many tokens that sum has."""
    num_prompt_tokens: int
