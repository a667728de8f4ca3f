"""The PTB tokenizer: every golden row, and any text without a shifted line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import ConfigError
from evals.metrics.ptb import ptb_tokenize
from tests.metrics.golden import read_rows

SEPARATORS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
any_text = st.text(st.one_of(st.characters(), st.sampled_from(f"{SEPARATORS}\ud800.'()|")))


def test_every_golden_caption_is_tokenised_as_pycocoevalcap_does(golden_dir: Path) -> None:
    rows = list(read_rows(golden_dir / "ptb_tokenized.jsonl.gz"))
    assert len(rows) == 79_800
    ours = ptb_tokenize([raw for raw, _ in rows])
    wrong = [
        (raw, tokens, our) for (raw, tokens), our in zip(rows, ours, strict=True) if our != tokens
    ]
    assert wrong == []


@settings(max_examples=5, deadline=None)
@given(st.lists(any_text, min_size=200, max_size=400))
def test_no_text_shifts_its_neighbours(texts: list[str]) -> None:
    """Between any two texts stands a caption that must come back in its place."""
    captions = [caption for i, text in enumerate(texts) for caption in (text, f"marker {i}")]
    tokenised = ptb_tokenize(captions)
    assert tokenised[1::2] == [f"marker {i}" for i in range(len(texts))]


def test_every_character_of_the_basic_plane_stays_on_its_line() -> None:
    captions = [f"a {chr(point)} b{point}" for point in range(0x10000)]
    ends = [tokens.split(" ")[-1] for tokens in ptb_tokenize(captions)]
    assert ends == [f"b{point}" for point in range(0x10000)]


def test_separators_are_spaces_and_punctuation_goes() -> None:
    captions = [f"A{separator}man," for separator in SEPARATORS]
    assert ptb_tokenize(captions) == ["a man"] * len(SEPARATORS)
    assert ptb_tokenize(["", "...", 'A (red) cat\'s - toy; "nice"!', "\ud800"]) == [
        "",
        "",
        "a -lrb- red -rrb- cat 's toy nice",
        "",
    ]


ENDS = {
    "sitting on a.": "sitting on a",
    "a man named J.": "a man named j",
    "A map of the U.S.": "a map of the u.s.",
    "at 5 p.m.": "at 5 p.m.",
    "one (of two) vs.": "one -lrb- of two -rrb- vs.",
    "on Main St.": "on main st.",
    'it says "NO."': "it says no",
    "cats, dogs etc.": "cats dogs etc.",
    "": "",
}
"""What the official script makes of captions before "The cat". Before "the cat" it is ..."""
OTHER_ENDS = {"sitting on a.": "sitting on a.", "a man named J.": "a man named j."}
"""... of these, and of the others the same."""


@pytest.mark.parametrize(("following", "others"), [("The cat", {}), ("the cat", OTHER_ENDS)])
def test_a_caption_is_tokenised_with_the_next_one_in_sight(
    following: str, others: dict[str, str]
) -> None:
    tokens = ptb_tokenize([text for caption in ENDS for text in (caption, following)])
    assert dict(zip(ENDS, tokens[::2], strict=True)) == {**ENDS, **others}
    assert set(tokens[1::2]) == {"the cat"}


def test_the_last_caption_of_a_pass_has_none_in_sight() -> None:
    ends = {caption: ptb_tokenize(["The cat", caption])[1] for caption in ("on a.", "", "etc.")}
    assert ends == {"on a.": "on a.", "": "", "etc.": "etc."}


def test_no_captions_need_no_java() -> None:
    assert ptb_tokenize([]) == []


def test_a_java_that_fails_is_reported_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:NoSuchOption")
    with pytest.raises(
        ConfigError, match=r"failed to run the PTB tokenizer and said.*NoSuchOption"
    ):
        ptb_tokenize(["a cat"])
