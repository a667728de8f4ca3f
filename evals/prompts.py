"""From examples to a prompt: interleaved text and pictures, byte for byte the protocol's words."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from evals.errors import ConfigError, PromptError
from evals.types import Example, Image, Prompt, Segment, Text, Wording

FIELDS = ("question", "answer", "end_of_chunk")
_PLACEHOLDER = re.compile(r"(<image>|\{\w+\})")
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A support example as a prompt shows it."""

    example: Example
    answer: str
    with_image: bool = True


@dataclass(frozen=True, slots=True)
class PromptParts:
    """A prompt whose demonstrations can still drop out whole, text and picture together."""

    prefix: Prompt
    demonstrations: tuple[Prompt, ...]
    query: Prompt

    def join(self, *, num_dropped: int = 0) -> Prompt:
        """Return the prompt without its first `num_dropped` demonstrations."""
        return join_prompts((self.prefix, *self.demonstrations[num_dropped:], self.query))


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    prompt: Prompt
    num_tokens: int
    num_dropped: int


def build_prompt(segments: Iterable[Segment]) -> Prompt:
    """Join segments into a prompt: neighbouring texts merge, empty ones vanish.

    So equal prompts compare equal, however they were put together.
    """
    prompt: list[Segment] = []
    for segment in segments:
        if isinstance(segment, Image):
            prompt.append(segment)
        elif segment.text:
            last = prompt[-1] if prompt else None
            if isinstance(last, Text):
                prompt[-1] = Text(last.text + segment.text)
            else:
                prompt.append(segment)
    return tuple(prompt)


def join_prompts(prompts: Iterable[Prompt]) -> Prompt:
    """Put prompts one after the other: where text meets text, they merge."""
    joined: list[Segment] = []
    for prompt in prompts:
        if joined and prompt and isinstance(prompt[0], Text) and isinstance(joined[-1], Text):
            joined[-1] = Text(joined[-1].text + prompt[0].text)
            joined += prompt[1:]
        else:
            joined += prompt
    return tuple(joined)


def build_parts(
    wording: Wording,
    demonstrations: Iterable[Demonstration],
    query: Example,
    *,
    end_of_chunk: str = "",
) -> PromptParts:
    """Word the demonstrations and the query.

    Raises:
        PromptError: the query or a demonstration needs a picture and has none.
    """
    return put_together(
        wording,
        (word_demonstration(wording, each, end_of_chunk=end_of_chunk) for each in demonstrations),
        query,
        end_of_chunk=end_of_chunk,
    )


def put_together(
    wording: Wording, demonstrations: Iterable[Prompt], query: Example, *, end_of_chunk: str = ""
) -> PromptParts:
    """Word the query behind demonstrations that are in words already.

    The query is the demonstration's template up to `{answer}`, right-stripped: the space before
    an answer belongs to the answer, which is how LLaMA's tokenizer has seen it.

    Raises:
        PromptError: the query needs a picture and has none.
    """
    open_template = wording.example.partition("{answer}")[0].rstrip()
    values = {"question": query.question, "answer": "", "end_of_chunk": end_of_chunk}
    return PromptParts(
        prefix=build_prompt([Text(wording.prefix)]),
        demonstrations=tuple(demonstrations),
        query=_render(open_template, query, values),
    )


def word_demonstration(
    wording: Wording, demonstration: Demonstration, *, end_of_chunk: str = ""
) -> Prompt:
    """Return a demonstration in words.

    Raises:
        PromptError: it needs a picture and has none.
    """
    example = demonstration.example
    values = {
        "question": example.question,
        "answer": demonstration.answer,
        "end_of_chunk": end_of_chunk,
    }
    template = wording.example if demonstration.with_image else wording.text_only
    return _render(template, example, values)


def word_choice(wording: Wording, choice: str, *, end_of_chunk: str = "") -> str:
    """Return the text that is appended to the query to score one choice."""
    values = {"answer": choice, "end_of_chunk": end_of_chunk, "question": ""}
    return "".join(_fill(piece, values) for piece in parse_template(wording.choice))


def fit_prompt(
    parts: PromptParts, count_tokens: Callable[[Prompt], int], *, max_tokens: int, request_id: str
) -> FittedPrompt:
    """Drop whole demonstrations from the front until the prompt has at most `max_tokens` tokens.

    Raises:
        PromptError: the query alone is too long.
    """
    for num_dropped in range(len(parts.demonstrations) + 1):
        prompt = parts.join(num_dropped=num_dropped)
        num_tokens = count_tokens(prompt)
        if num_tokens <= max_tokens:
            return FittedPrompt(prompt, num_tokens, num_dropped)
    raise PromptError(
        f"query {request_id}: its prompt has {num_tokens} tokens without any demonstration, "
        f"and {max_tokens} are left beside the answer"
    )


def hash_prompt(prompt: Prompt, *, bos: bool) -> str:
    """Return a sha256 over the texts and the pictures' bytes.

    Each text goes in behind its length, so that no text can pass for a picture or for two texts.
    """
    parts = [
        f"image {segment.sha256}\n"
        if isinstance(segment, Image)
        else f"text {len(segment.text)} {segment.text}\n"
        for segment in prompt
    ]
    content = f"bos {bos}\n{''.join(parts)}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=256)
def parse_template(template: str) -> tuple[str, ...]:
    """Split a template into literal pieces, `<image>` marks and `{field}` marks.

    A template is split before its fields are filled, so a question that contains `<image>` or
    braces stays text.

    Raises:
        ConfigError: it names a field that does not exist.
    """
    pieces = tuple(piece for piece in _PLACEHOLDER.split(template) if piece)
    for piece in pieces:
        if (field := _FIELD.fullmatch(piece)) and field[1] not in FIELDS:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ConfigError(f"template {template!r}: unknown field {piece}; known are {known}")
    return pieces


def _render(template: str, example: Example, values: Mapping[str, str]) -> Prompt:
    segments: list[Segment] = []
    for piece in parse_template(template):
        if piece == "<image>":
            if example.image is None:
                raise PromptError(
                    f"example {example.id} was loaded without its picture, and prompts show it"
                )
            segments.append(example.image)
        else:
            segments.append(Text(_fill(piece, values)))
    return build_prompt(segments)


def _fill(piece: str, values: Mapping[str, str]) -> str:
    """Return a field's value; literal text is returned as it is."""
    field = _FIELD.fullmatch(piece)
    return values[field[1]] if field else piece
