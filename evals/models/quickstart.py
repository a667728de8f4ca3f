"""Prompts as IDEFICS's model card writes them: lists of texts, URLs and pictures."""

from collections.abc import Sequence
from pathlib import Path

from PIL.Image import Image as PilImage

from evals.errors import PromptError
from evals.prompts import build_prompt
from evals.types import Image, Prompt, Segment, Text


def read_quickstart(prompts: Sequence[object]) -> list[Prompt]:
    """Turn one prompt, or a batch of them, into segments.

    A prompt is a list; in it a `str` is a text, or a URL where it starts with http:// or https://;
    a `Path`, a PIL image or an `Image` is a picture. A batch is a list of such lists.
    Pieces lose the spaces at both ends, as in transformers' `IdeficsProcessor`, and neighbouring
    texts join.

    Raises:
        PromptError: a prompt is no list, or holds something else.
    """
    is_batch = bool(prompts) and all(isinstance(prompt, list | tuple) for prompt in prompts)
    batch = prompts if is_batch else [prompts]
    return [_read_prompt(prompt) for prompt in batch]


def _read_prompt(pieces: object) -> Prompt:
    if not isinstance(pieces, list | tuple):
        raise PromptError(
            f"a prompt is a list of texts and pictures, not {type(pieces).__name__}: [...]"
        )
    return build_prompt(_read_piece(piece) for piece in pieces)


def _read_piece(piece: object) -> Segment:
    if isinstance(piece, Text | Image):
        return piece
    if isinstance(piece, str):
        text = piece.strip(" ")
        return Image(text) if text.startswith(("http://", "https://")) else Text(text)
    if isinstance(piece, Path | PilImage):
        return Image(piece)
    raise PromptError(
        f"a prompt holds texts, URLs, paths and PIL images, not {type(piece).__name__}"
    )
