"""How the official VQA evaluators spell an answer before they compare it.

`normalise_vqa` follows GT-Vision-Lab/VQA @a013f00, PythonEvaluationTools/vqaEvaluation/vqaEval.py;
`normalise_m4c` follows facebookresearch/mmf @b0ffc7f, mmf/utils/m4c_evaluators.py (TextVQA, the
EvalAI server). Their quirks are kept, since published numbers contain them. The tables lie in
vqa_tables.json.
"""

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_DIGIT_COMMA_DIGIT = re.compile(r"\d,\d")
# The scripts write "(?!<=\d)(\.)(?!\d)": the first group is a typo for a look-behind and never
# excludes anything.
_PERIOD_BEFORE_NO_DIGIT = re.compile(r"\.(?!\d)")
# The scripts pass re.UNICODE, which is 32, in the place of `count`: a 33rd period stays.
_MAX_PERIODS = 32
_CACHE_SIZE = 1 << 18
"""VQAv2 val has 2.1 M answers, but fewer different ones than this."""


@dataclass(frozen=True, slots=True)
class _Tables:
    punctuation: tuple[str, ...]
    """Without apostrophe and colon, which stay."""
    numbers: dict[str, str]
    """"none" is 0, too."""
    articles: frozenset[str]
    contractions: dict[str, str]
    """Looked up in lower case, so that the entries with capitals ("Im") never match."""


@cache
def _tables() -> _Tables:
    tables = json.loads((Path(__file__).parent / "vqa_tables.json").read_text("utf-8"))
    return _Tables(
        punctuation=tuple(tables["punct"]),
        numbers=tables["manualMap"],
        articles=frozenset(tables["articles"]),
        contractions=tables["contractions"],
    )


@lru_cache(_CACHE_SIZE)
def tidy(text: str) -> str:
    """Return the text on one line, ends stripped: all that is done where annotators agree."""
    return text.replace("\n", " ").replace("\t", " ").strip()


@lru_cache(_CACHE_SIZE)
def normalise_vqa(text: str) -> str:
    """Return an answer as the VQA accuracy compares it."""
    return _spell_words(_strip_punctuation(tidy(text)))


@lru_cache(_CACHE_SIZE)
def normalise_m4c(text: str) -> str:
    """Return an answer as M4C's TextVQA evaluator compares it.

    It deletes commas and question marks and sets a possessive apart before the rest, which is the
    VQA accuracy's (its own comma pattern never matches, as no comma is left).
    """
    text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    return normalise_vqa(text)


def _strip_punctuation(text: str) -> str:
    """Delete a mark that stands beside a space somewhere in the text, else make it a space.

    One number with a thousands comma anywhere makes every mark vanish without a space.
    """
    delete_all = _DIGIT_COMMA_DIGIT.search(text) is not None
    stripped = text
    for mark in _tables().punctuation:
        if mark in text:
            delete = delete_all or f"{mark} " in text or f" {mark}" in text
            stripped = stripped.replace(mark, "" if delete else " ")
    return _PERIOD_BEFORE_NO_DIGIT.sub("", stripped, count=_MAX_PERIODS)


def _spell_words(text: str) -> str:
    tables = _tables()
    words = (tables.numbers.get(word, word) for word in text.lower().split())
    return " ".join(
        tables.contractions.get(word, word) for word in words if word not in tables.articles
    )
