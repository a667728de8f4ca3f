"""OpenFlamingo's stemmer: all golden stems, with nltk's data where installed and without.

The tagger and WordNet need data that nltk does not bring. Without them the golden outputs
themselves say which words were tagged plural and what a verb's lemma was; everything else (the
words, the table, which rule applies, the singulars) is then checked for every row.
"""

from pathlib import Path

import pytest

from evals.metrics.okvqa_stem import (
    INSTALL_COMMAND,
    Linguist,
    cut_answer,
    load_linguist,
    stem,
    words,
)
from tests.metrics.golden import golden_linguist, read_json


def golden_stems(golden_dir: Path) -> dict[str, str]:
    rows = read_json(golden_dir / "okvqa_stems.json")
    return {raw: row["open_flamingo_stemmer"] for raw, row in rows.items()}


def golden_pica(golden_dir: Path) -> dict[str, str]:
    answers: dict[str, str] = read_json(golden_dir / "okvqa_openflamingo_postprocessed.json")[
        "answers"
    ]
    return answers


def test_every_golden_stem_follows_from_its_tags_and_lemmas(golden_dir: Path) -> None:
    stems = golden_stems(golden_dir)
    assert len(stems) == 16_504
    linguist = golden_linguist(stems)
    assert {raw: stem(raw, linguist) for raw in stems} == stems


def test_every_pica_answer_is_cut_and_stemmed_by_its_tags_and_lemmas(golden_dir: Path) -> None:
    golden = golden_pica(golden_dir)
    assert len(golden) == 2060
    linguist = golden_linguist(golden)
    assert {raw: stem(cut_answer(raw), linguist) for raw in golden} == golden


def test_what_follows_an_answer_of_pica_is_cut_off(golden_dir: Path) -> None:
    """PICa's own answers need no cut: each is given the next example that a model goes on with."""
    for raw in golden_pica(golden_dir):
        for tail in ("Question: why? Short answer: no", "Answer: no", ", no"):
            assert cut_answer(f"{raw}{tail}") == raw


@pytest.fixture(scope="module")
def linguist() -> Linguist:
    loaded = load_linguist()
    if loaded is None:
        pytest.skip(f"nltk's data are not installed; run: {INSTALL_COMMAND}")
    return loaded


def test_every_golden_answer_is_stemmed_by_nltk(golden_dir: Path, linguist: Linguist) -> None:
    stems = golden_stems(golden_dir)
    assert {raw: stem(raw, linguist) for raw in stems} == stems


def test_every_pica_answer_is_post_processed(golden_dir: Path, linguist: Linguist) -> None:
    golden = golden_pica(golden_dir)
    assert {raw: stem(cut_answer(raw), linguist) for raw in golden} == golden


PLAIN = Linguist(
    tokenize=words,
    tag=lambda tokens: [(token, "NNS" if token.endswith("s") else "NN") for token in tokens],
    verb_lemma={"skiing": "ski", "swimming": "swim"}.__getitem__,
)


@pytest.mark.parametrize(
    ("text", "stemmed"),
    [
        ("", ""),
        ("clothes", "cloth"),
        ("riding horses", "ride horse"),
        ("christmas", "christmas"),
        ("skiing", "ski"),
        ("two swimming wolves", "two swim wolf"),
        ("grass", "grass"),
        ("potatoes", "potato"),
        ("Clothes", "Clothe"),
        ("4'6", "4 ' 6"),
    ],
)
def test_each_rule(text: str, stemmed: str) -> None:
    assert stem(text, PLAIN) == stemmed


def test_the_table_is_asked_before_the_verbs() -> None:
    """ "morning" would be the lemma "morn" only by the table; WordNet has no such verb."""
    assert stem("morning", PLAIN) == "morn"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("race Question: why?", "race "),
        ("race\nShort answer: no", "race\n"),
        ("red, white", "red"),
        ("1,000", "1,000"),
        ("Answer", ""),
        ("short answer", "short answer"),
    ],
)
def test_an_answer_ends_before_the_next_example_and_the_first_comma(text: str, kept: str) -> None:
    assert cut_answer(text) == kept
