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


def test_a_caption_does_not_depend_on_its_place() -> None:
    captions = ["at 5 p.m.", "a dog etc.", "two cats vs.", "no. 5"]
    one_by_one = [ptb_tokenize([caption])[0] for caption in captions]
    assert ptb_tokenize(captions) == one_by_one
    assert ptb_tokenize(captions[::-1]) == one_by_one[::-1]


def test_no_captions_need_no_java() -> None:
    assert ptb_tokenize([]) == []


def test_a_java_that_fails_is_reported_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:NoSuchOption")
    with pytest.raises(
        ConfigError, match=r"failed to run the PTB tokenizer and said.*NoSuchOption"
    ):
        ptb_tokenize(["a cat"])
