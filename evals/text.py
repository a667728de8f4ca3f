"""Text that a model generated, cut."""

import re
from collections.abc import Sequence
from functools import lru_cache


def cut_before(text: str, words: Sequence[str]) -> str:
    """Return the text before the first of these words, wherever it stands; all of it without."""
    if not words:
        return text
    found = _compile(tuple(words)).search(text)
    return text[: found.start()] if found else text


@lru_cache(maxsize=64)
def _compile(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)))
