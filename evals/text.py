"""Text that a model generated, cut."""

from collections.abc import Sequence


def cut_before(text: str, words: Sequence[str]) -> str:
    """Return the text before the first of these words, wherever it stands; all of it without."""
    ends = [end for word in words if (end := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text
