"""Compatibility form of texts (NFKC)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitherto.core.text.normal_form import MAX_MARKS, nfkc, without_accents

MARKED = st.text(alphabet="aé漢😀\u0301\u0316\u0327\u3099\uff9e\uff9f- \u0344", max_size=60)


@given(MARKED)
def test_it_is_the_standard_form_of_a_text_with_few_marks(text: str) -> None:
    longest = run = 0
    for character in text:
        is_mark = unicodedata.combining(unicodedata.normalize("NFKD", character)[0])
        run = run + 1 if is_mark else 0
        longest = max(longest, run)
    if longest <= MAX_MARKS:
        assert nfkc(text) == unicodedata.normalize("NFKC", text)
    else:
        assert len(nfkc(text)) <= len(unicodedata.normalize("NFKC", text))


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0301\uff9e", "\u0344\u0316"])
def test_more_marks_than_anybody_writes_are_dropped(marks: str) -> None:
    text = nfkc(f"a{marks * 100_000}b")
    assert text[0] in "aáä"
    assert text[-1] == "b"
    assert len(text) <= 2 * MAX_MARKS + 2


def test_accents_are_left_out_of_words() -> None:
    assert (
        without_accents("Crème brûlée, año, Ångström, 漢字") == "Creme brulee, ano, Angstrom, 漢字"
    )
    assert without_accents("plain") == "plain"
    assert without_accents("e" + "\u0301\u0316" * 1_000) == "e"
