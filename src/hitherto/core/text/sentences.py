"""Sentence boundaries."""

import re
from collections.abc import Iterator
from typing import Final

from hitherto.core.text.date_names import MONTHS
from hitherto.core.text.english_words import SHORT_MONTHS
from hitherto.core.text.languages import FUNCTION_WORDS

_END: Final = r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？；])|(?<!\s)\s*\n\s*"
_SENTENCE_END: Final = re.compile(_END)
_MAY_END: Final = (
    r"etc|no|jr|u\.s|u\.k|a\.m|p\.m|sept|usw|ecc|enz"
    rf"|{'|'.join(month for month in SHORT_MONTHS if month != 'may')}"
)
_ABBREVIATION: Final = re.compile(rf"(?:\b(?:{_MAY_END})|\b[A-Z])\.\Z", re.IGNORECASE)
"""Abbreviations that a sentence may end with, before a capital letter: "etc.", "5 p.m."."""
_ABBREVIATION_CHARS: Final = 8
_INITIAL: Final = r"(?:\A|(?<=[\s(\"'.]))(?<![AaPpUu]\.)(?<!\w\w\.)(?-i:[A-HJ-Z])"
_TITLES: Final = "dr|mr|mrs|ms|prof|st|mt|sra?|srta|dra|hr|dott|dhr|mevr|mme|mlle|dipl"
_LINKS: Final = (
    r"e\.g|i\.e|vs|approx|nr|(?-i:ca)|bzw|evtl|ggf|inkl|exkl|d\.[ ]?h|u\.[ ]?a|bijv|p\.[ ]?ex"
    "|núm|uds?|avda"
)
_OPENS: Final = re.compile(rf"(?:\b(?:{_TITLES}|{_LINKS})|{_INITIAL})\.\Z", re.IGNORECASE)
"""Abbreviations that a word always follows: titles, links, and the initials of a name."""
_LETTER: Final = re.compile(r"\b[^\W\d_]\.\Z")
_LETTER_NEXT: Final = re.compile(r"[^\W\d_]\.")
"""Abbreviations of several words: "z. B.", "d. h."."""
_ORDINAL: Final = re.compile(
    r"(?P<noun>\b(?:am|im|dem|den|der|die|das|vom|zum|zur|beim|bis|ab|seit|mein\w{0,2}|unser\w{0,2})"
    r"[ ])?(?<![\w.,])\d{1,2}\.\Z",
    re.IGNORECASE,
)
"""German ordinals: "13.", which are followed by a month, or with an article by a noun."""
_ORDINAL_CHARS: Final = 14
_I_AM: Final = re.compile(r"\bi am \d", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]+")
_MONTHS: Final = frozenset(form for month in MONTHS["de"] for form in month)
_STARTERS: Final = (FUNCTION_WORDS["de"] | FUNCTION_WORDS["en"] | {"danach", "danke", "heute"}) - {
    "bis",
    "und",
    "oder",
}


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
    """Yield the spans of `sentence_spans`, joined at abbreviations and at German ordinals ("13.").

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
    if _OPENS.search(before) or (_LETTER.search(before) and _LETTER_NEXT.match(content, end)):
        return True
    if _ABBREVIATION.search(before) is not None and not content[end].isupper():
        return True
    return _is_ordinal(content, max(start, gap + 1 - _ORDINAL_CHARS), gap + 1, end)


def _is_ordinal(content: str, start: int, point: int, end: int) -> bool:
    """Return whether a number and its full stop are an ordinal of what follows at `end`."""
    ordinal = _ORDINAL.search(content, start, point)
    word = _WORD.match(content, end)
    if ordinal is None or word is None:
        return False
    following = word[0].lower()
    if following in _MONTHS:
        return True
    if ordinal["noun"] is None or _I_AM.search(content, start, point):
        return False
    return following not in _STARTERS


def sentences(content: str) -> list[str]:
    """Return the sentences of a text, stripped of white space; none is empty."""
    stripped = (content[start:end].strip() for start, end in sentence_spans(content))
    return [sentence for sentence in stripped if sentence]
