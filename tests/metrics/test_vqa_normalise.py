"""The official spellings: every golden row, and each quirk by itself."""

from pathlib import Path

import pytest

from evals.metrics.vqa_normalise import normalise_m4c, normalise_vqa, tidy
from tests.metrics.golden import read_rows


def test_every_golden_answer_is_spelt_as_both_official_scripts_spell_it(golden_dir: Path) -> None:
    rows = list(read_rows(golden_dir / "vqa_answer_normalisation.jsonl.gz"))
    assert len(rows) == 55_811
    ours = [[raw, normalise_vqa(raw), normalise_m4c(raw)] for raw, _, _ in rows]
    assert [row for row in zip(ours, rows, strict=True) if row[0] != row[1]] == []


@pytest.mark.parametrize(
    ("raw", "vqa", "m4c"),
    [
        ("The Cat", "cat", "cat"),
        ("none", "0", "0"),
        ("Ten dogs", "10 dogs", "10 dogs"),
        ("a an the", "", ""),
        ("dont", "don't", "don't"),
        ("somebody'd", "somebodyd", "somebodyd"),
        ("Im", "im", "im"),
        ("blue\n\tand red ", "blue and red", "blue and red"),
        ("well-known", "well known", "well known"),
        ("well -known", "well known", "well known"),
        ("a-b -c", "ab c", "ab c"),
        ("yes,no", "yes no", "yesno"),
        ("1,000", "1000", "1000"),
        ("1,000-5", "10005", "1000 5"),
        ("dog's", "dog's", "dog 's"),
        ("it's", "it's", "it 's"),
        ("12:30", "12:30", "12:30"),
        ("u.s.a.", "usa", "usa"),
        ("3.5", "3.5", "3.5"),
        ("v.2", "v.2", "v.2"),
    ],
)
def test_each_rule_and_quirk(raw: str, vqa: str, m4c: str) -> None:
    assert normalise_vqa(raw) == vqa
    assert normalise_m4c(raw) == m4c


def test_the_thirty_third_period_stays() -> None:
    """re.UNICODE (32) lands in the place of re.sub's count."""
    assert normalise_vqa("a." * 33) == "a" * 33 + "."
    assert normalise_vqa("a." * 32) == "a" * 32


def test_tidying_keeps_case_and_inner_spaces() -> None:
    assert tidy(" Two\nDogs \t") == "Two Dogs"
