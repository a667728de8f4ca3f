"""How a figure's words are broken into lines."""

from hypothesis import given
from hypothesis import strategies as st

from evals.plotting.words import measure, wrap


@given(st.text("ab .-ᵃ", max_size=60), st.floats(0.3, 3))
def test_lines_fit_and_hold_all_words(text: str, width: float) -> None:
    lines = wrap(text, 7, width=width)
    assert all(measure(line, 7) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_line_breaks_at_spaces_that_may_break() -> None:
    text = "ab cd\N{NO-BREAK SPACE}ef"
    assert wrap(text, 7, width=measure("ab cd", 7)) == ["ab", "cd\N{NO-BREAK SPACE}ef"]


def test_a_word_that_is_too_long_is_cut() -> None:
    assert wrap("aaaa a", 7, width=measure("aa", 7)) == ["aa", "aa", "a"]
