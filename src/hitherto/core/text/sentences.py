"""Sentence boundaries."""

import re
from collections.abc import Iterator
from typing import Final

from hitherto.core.text.english_words import SHORT_MONTHS

_END: Final = r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？；])|(?<!\s)\s*\n\s*"
_SENTENCE_END: Final = re.compile(_END)
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|e\.g|i\.e|etc|vs|approx|no|mt|jr|sr|u\.s|u\.k|a\.m|p\.m|sept"
    rf"|{'|'.join(month for month in SHORT_MONTHS if month != 'may')})|\b[A-Z])\.\Z",
    re.IGNORECASE,
)
_ABBREVIATION_CHARS: Final = 8
_INITIAL: Final = r"(?:\A|(?<=[\s(\"'.]))(?<![AaPpUu]\.)(?<!\w\w\.)(?-i:[A-HJ-Z])"
_OPENS: Final = re.compile(
    rf"(?:\b(?:dr|mr|mrs|ms|prof|st|mt|e\.g|i\.e|vs|approx)|{_INITIAL})\.\Z", re.IGNORECASE
)
"""Abbreviations that a word always follows: titles, and the initials of a name."""


def sentence_spans(content: str) -> Iterator[tuple[int, int]]:
    """Yield the character spans of a text's sentences, which together are the whole text."""
    start = 0
    for match in _SENTENCE_END.finditer(content):
        if match.end() > start:
            yield start, match.end()
            start = match.end()
    if start < len(content):
        yield start, len(content)


def whole_sentence_spans(content: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of `sentence_spans`, joined where one ended at an abbreviation.

    "at 5 p.m.", "the U.S." and the like may end a sentence: they do before a capital letter.
    """
    start = 0
    for _, end in sentence_spans(content):
        if end < len(content) and _is_open(content, start, end):
            continue
        yield start, end
        start = end


def _is_open(content: str, start: int, end: int) -> bool:
    """Return whether the sentence goes on behind the abbreviation before `end`."""
    gap = end - 1
    while gap > start and content[gap].isspace():
        if content[gap] == "\n":
            return False
        gap -= 1
    before = content[max(start, gap + 1 - _ABBREVIATION_CHARS) : gap + 1]
    if _OPENS.search(before):
        return True
    return _ABBREVIATION.search(before) is not None and not content[end].isupper()


def sentences(content: str) -> list[str]:
    """Return the sentences of a text, stripped of white space; none is empty."""
    stripped = (content[start:end].strip() for start, end in sentence_spans(content))
    return [sentence for sentence in stripped if sentence]
