"""Unicode's normal forms, in time linear in the text."""

import re
import unicodedata
from typing import Final

MAX_MARKS: Final = 30
"""Most combining marks kept behind one character, as in Unicode's stream-safe format (UAX 15)."""

_MARKS: Final = re.compile(rf"(?:[^\w\s\x00-\x7f]|[\uff9e\uff9f]){{{MAX_MARKS + 1},}}")
"""Possible longer run of marks: a mark is no letter, except two that decompose to marks."""


def nfkc(text: str) -> str:
    """Return the text in normal form KC, with at most `MAX_MARKS` marks on one character.

    Ordering the marks of one character takes the square of their number.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _MARKS.sub(_with_few_marks, text))


_ODD_CASES: Final = {0x130: "I", 0x131: "i", 0x17F: "s", 0x212A: "K"}
"""Letters that patterns without case take for others, which no table of words holds."""


def with_plain_letters(text: str) -> str:
    """Return the text, equally long, without letters of odd case such as "ſ"."""
    return text if text.isascii() else text.translate(_ODD_CASES)


def without_accents(text: str) -> str:
    """Return the text without combining marks: "é" becomes "e"."""
    if text.isascii():
        return text
    spread = unicodedata.normalize("NFD", _MARKS.sub(_with_few_marks, text))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


def _with_few_marks(run: re.Match[str]) -> str:
    kept = []
    marks = 0
    for character in run[0]:
        marks = marks + 1 if _is_mark(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def _is_mark(character: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) != 0
