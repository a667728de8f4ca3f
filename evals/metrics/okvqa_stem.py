"""OpenFlamingo's post-processing of an OK-VQA answer: cut, then stem as the release was stemmed.

Follows mlfoundations/open_flamingo, open_flamingo/eval/ok_vqa_utils.py and vqa_metric.py @655f693.
OK-VQA's released answers went through a Porter stemmer of its authors, corrected by hand;
OpenFlamingo approaches it with a table (okvqa_stems.json), WordNet's verbs and `inflection`. Only
the prediction is stemmed; the references are released stemmed.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NLTK_DATA = ("punkt_tab", "averaged_perceptron_tagger_eng", "wordnet")
INSTALL_COMMAND = f"python -m nltk.downloader {' '.join(NLTK_DATA)}"

_NEXT_EXAMPLE = re.compile("Question|Answer|Short")
_QUOTE_BEFORE_ONE_LETTER = re.compile(r"(?i)(')(?!re|ve|ll|m|t|s|d|n)(\w)\b")


@dataclass(frozen=True, slots=True)
class Linguist:
    """What the stemmer asks of nltk."""

    tokenize: Callable[[str], list[str]]
    tag: Callable[[Sequence[str]], list[tuple[str, str]]]
    """Words -> (word, Penn Treebank tag)."""
    verb_lemma: Callable[[str], str]


def load_linguist() -> Linguist | None:
    """Return nltk's tokenizer, tagger and WordNet; None where one of its data sets is missing."""
    import nltk
    from nltk.stem import WordNetLemmatizer

    lemmatizer = WordNetLemmatizer()
    linguist = Linguist(
        tokenize=lambda text: [word for line in nltk.sent_tokenize(text) for word in words(line)],
        tag=nltk.pos_tag,
        verb_lemma=lambda word: str(lemmatizer.lemmatize(word, "v")),
    )
    try:  # nltk looks for its data on use, so use all three once
        stem("two swimming ducks", linguist)
    except LookupError:
        return None
    return linguist


def words(sentence: str) -> list[str]:
    """Split a sentence as nltk 3.8.1's `word_tokenize` does, which OpenFlamingo ran on.

    nltk 3.10 reads an apostrophe inside a word otherwise: "4'6" stays whole there.
    """
    from nltk.tokenize import NLTKWordTokenizer

    tokenizer = NLTKWordTokenizer()
    tokenizer.STARTING_QUOTES = [
        *tokenizer.STARTING_QUOTES[:-1],  # the last is the rule that changed
        (_QUOTE_BEFORE_ONE_LETTER, r"\1 \2"),
    ]
    split: list[str] = tokenizer.tokenize(sentence)
    return split


def cut_answer(text: str) -> str:
    """Keep what precedes the next example's words, then what precedes the first comma."""
    return _NEXT_EXAMPLE.split(text, maxsplit=1)[0].split(", ", maxsplit=1)[0]


def stem(text: str, linguist: Linguist) -> str:
    """Stem word by word: the table, else the verb of an -ing form, else a plural's singular."""
    return " ".join(
        _stem_word(word, tag=tag, linguist=linguist)
        for word, tag in linguist.tag(linguist.tokenize(text))
    )


def _stem_word(word: str, *, tag: str, linguist: Linguist) -> str:
    import inflection

    known = _stems().get(word)
    if known is not None:
        return known
    if word.endswith("ing"):
        return linguist.verb_lemma(word)
    if tag in ("NNS", "NNPS"):
        return str(inflection.singularize(word))
    return word


@cache
def _stems() -> Mapping[str, str]:
    tables = json.loads((Path(__file__).parent / "okvqa_stems.json").read_text("utf-8"))
    stems: Mapping[str, str] = tables["manual_stems"]
    return stems
