"""From segments to token ids and back, as transformers' `IdeficsProcessor` does it.

Text pieces lose the spaces at both ends; a picture becomes `<fake_token_around_image><image>
<fake_token_around_image>`, and two in a row share the fake token between them; `<s>` stands in
front. One deviation: a text that literally holds one of these two tokens' strings is encoded as
plain text, so there are always as many image tokens as pictures.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from evals.errors import CheckpointError, PromptError
from evals.models.idefics.groups import find_images
from evals.models.idefics.json_file import read_json
from evals.prompts import build_prompt
from evals.types import IMAGE_TOKENS, Image, Prompt, Text

IMAGE, FAKE = IMAGE_TOKENS


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    ids: tuple[int, ...]
    images: tuple[Image, ...]
    image_of_token: tuple[int, ...]
    """For each token, which of `images` it looks at; `NO_IMAGE` for none."""

    def keys(self, image_id: int) -> list[int | Image]:
        """Return the ids with the pictures themselves in place of `image_id`."""
        images = iter(self.images)
        return [next(images) if token == image_id else token for token in self.ids]

    def part(self, start: int, end: int | None = None) -> "EncodedPrompt":
        """Return some of the tokens; `images` stays whole, for its indices are in use."""
        return EncodedPrompt(self.ids[start:end], self.images, self.image_of_token[start:end])


@dataclass(frozen=True, slots=True)
class EncodedChoices:
    """The choices of one prompt, each tokenised together with it.

    A choice can change the prompt's last tokens ("ca" and "t" make "cat"). Then all choices are
    scored from the first place where any of them leaves the prompt, so that their sums compare.
    """

    shared: EncodedPrompt
    """The prompt up to there."""
    continuations: tuple[EncodedPrompt, ...]
    num_prompt_tokens: int
    """Of the prompt alone."""


@dataclass(frozen=True)
class PromptTokenizer:
    tokenizer: Tokenizer
    vocab_size: int
    """How many ids the weights have rows for."""
    bos: str = "<s>"
    eos: str = "</s>"

    @cached_property
    def image_id(self) -> int:
        return self._special_ids[IMAGE]

    @cached_property
    def eos_id(self) -> int:
        """The id after which text sees no picture; what ends an answer is the config's to say."""
        return self._special_ids[self.eos]

    def encode(self, prompt: Prompt, *, bos: bool = True) -> EncodedPrompt:
        """Tokenise a prompt.

        Raises:
            PromptError: no token comes out, or one that the weights have no row for.
        """
        pieces = list(_split_prompt(prompt, bos=self.bos if bos else ""))
        texts = [piece for piece in pieces if isinstance(piece, str)]
        if any(token in text for text in texts for token in IMAGE_TOKENS):
            ids = [token for piece in pieces for token in self._encode_piece(piece)]
        else:
            ids = self._encode_text("".join("".join(piece) for piece in pieces))
        if not ids:
            raise PromptError("the prompt is empty: neither text nor picture nor BOS token")
        if unknown := sorted({token for token in ids if token >= self.vocab_size}):
            names = ", ".join(str(self.tokenizer.id_to_token(token)) for token in unknown)
            raise PromptError(f"this checkpoint's weights have no row for {names}")
        images = tuple(segment for segment in prompt if isinstance(segment, Image))
        image_of_token = find_images(ids, image_id=self.image_id, eos_id=self.eos_id)
        assert ids.count(self.image_id) == len(images)
        return EncodedPrompt(tuple(ids), images, tuple(image_of_token))

    def encode_choices(
        self, prompt: Prompt, choices: Sequence[str], *, bos: bool = True
    ) -> EncodedChoices:
        """Tokenise a prompt with each of its continuations.

        Raises:
            PromptError: there are no choices, some are empty, or nothing stands before them.
        """
        if not choices or not all(choice.strip(" ") for choice in choices):
            raise PromptError(f"choices must be given and hold more than spaces: {list(choices)}")
        alone = self.encode(prompt, bos=bos)
        whole = [self.encode(build_prompt((*prompt, Text(choice))), bos=bos) for choice in choices]
        shared = min(_count_common(alone.ids, encoded.ids) for encoded in whole)
        if not shared:
            raise PromptError(
                "nothing stands before the choices' first token; add text or the BOS token"
            )
        return EncodedChoices(
            alone.part(0, shared), tuple(encoded.part(shared) for encoded in whole), len(alone.ids)
        )

    def encode_forbidden(self, strings: Iterable[str]) -> tuple[tuple[int, ...], ...]:
        """Return the id sequence of each string; of LLaMA's newline that is the pair 29871 13."""
        sequences = tuple(tuple(self._encode_text(text)) for text in strings)
        if () in sequences:
            raise PromptError("an empty string cannot be forbidden")
        return sequences

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the ids' text as transformers' `batch_decode` of these ids alone has it.

        LLaMA's decoder strips one leading space there, so an answer does not start with one.
        """
        return self.tokenizer.decode(list(ids), skip_special_tokens=skip_special)

    def _encode_text(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def _encode_piece(self, piece: "_Piece") -> Iterator[int]:
        """Encode one piece by itself, an image token's string in a text as plain text."""
        if isinstance(piece, tuple):
            yield from (self._special_ids[token] for token in piece)
            return
        for part in self._special_in_text.split(piece):
            if part in self._special_ids and part not in IMAGE_TOKENS:
                yield self._special_ids[part]
            elif part:
                yield from self._plain.encode(part, add_special_tokens=False).ids

    @cached_property
    def _special_ids(self) -> dict[str, int]:
        added = self.tokenizer.get_added_tokens_decoder()
        return {token.content: token_id for token_id, token in added.items() if token.special}

    @cached_property
    def _special_in_text(self) -> re.Pattern[str]:
        tokens = sorted(self._special_ids.keys() - set(IMAGE_TOKENS), key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, tokens))})")

    @cached_property
    def _plain(self) -> Tokenizer:
        """The same tokenizer, but the strings of special tokens are text like any other."""
        plain = Tokenizer.from_str(self.tokenizer.to_str())
        plain.encode_special_tokens = True
        return plain


_Piece = str | tuple[str, ...]
"""A text, or special tokens."""


def _split_prompt(prompt: Prompt, *, bos: str) -> Iterator[_Piece]:
    if bos:
        yield (bos,)
    after_image = False
    for segment in prompt:
        if isinstance(segment, Image):
            yield (IMAGE, FAKE) if after_image else (FAKE, IMAGE, FAKE)
        else:
            yield segment.text.strip(" ")
        after_image = isinstance(segment, Image)


def _count_common(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how long the common prefix is."""
    pairs = enumerate(zip(first, second, strict=False))
    different = (index for index, (one, other) in pairs if one != other)
    return next(different, min(len(first), len(second)))


def read_tokenizer(folder: Path, *, vocab_size: int) -> PromptTokenizer:
    """Read tokenizer.json, and which strings are BOS and EOS where the folder says so.

    Raises:
        CheckpointError: it is missing or malformed, lacks IDEFICS's tokens, or has ids for which
            the weights have no row.
    """
    path = folder / "tokenizer.json"
    read_json(path)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except MemoryError:
        raise
    except Exception as error:  # tokenizers raises nothing narrower
        raise CheckpointError(
            f"{path} is no tokenizer ({error!s:.300}); download it again"
        ) from error
    unknown = getattr(tokenizer.model, "unk_token", None)
    if unknown is not None and tokenizer.model.token_to_id(unknown) is None:
        raise CheckpointError(f"{path}: its unknown token {unknown!r:.60} is not in its vocabulary")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    bos, eos = (_read_special(folder, key, default) for key, default in _ENDS)
    wanted = (*IMAGE_TOKENS, bos, eos)
    ids = {token: tokenizer.token_to_id(token) for token in wanted}
    if missing := [token for token, token_id in ids.items() if token_id is None]:
        raise CheckpointError(f"{path} lacks tokens that IDEFICS needs: {', '.join(missing)}")
    # A file can list them as ordinary tokens; they must not be split, and decoding leaves them out.
    tokenizer.add_special_tokens(list(wanted))
    if beyond := [token for token, token_id in ids.items() if (token_id or 0) >= vocab_size]:
        raise CheckpointError(
            f"{path} gives {', '.join(beyond)} ids for which config.json's vocabulary of "
            f"{vocab_size} has no row; the two files belong to different checkpoints"
        )
    return PromptTokenizer(tokenizer, vocab_size, bos, eos)


MAX_TOKEN_LENGTH = 100
"""A longer one is no token but a damaged file."""
_ENDS = (("bos_token", "<s>"), ("eos_token", "</s>"))


def _read_special(folder: Path, key: str, default: str) -> str:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = folder / name
        value: Any = read_json(path).get(key) if path.is_file() else None
        if value:
            text = value.get("content") if isinstance(value, dict) else value
            # Half a surrogate pair is not printable.
            if not isinstance(text, str) or not text.isprintable() or len(text) > MAX_TOKEN_LENGTH:
                raise CheckpointError(f"{path}: {key} is {value!r:.60}, not a token's text")
            return text
    return default
