"""Numbers and names that look like dates: addresses, floors, scores, prices, versions.

A wrong day is worse than none, so what can be either is no date.
"""

import re
from typing import Final

from hitherto.core.dates.day_words import DAY_WORD_RE
from hitherto.core.text import english_words as english

_JOINED_BEFORE: Final = re.compile(r"(?:[$€£#+][ ]?|\d[.,:/]|(?:[A-Z]{2}|\d{3})-)\Z")
_JOINED_AFTER: Final = re.compile(r"[-./]\d")
_LABEL: Final = re.compile(
    r"\b(?:version|release|build|v|no\.?|nr\.?|number|part|gate|room|unit|apt\.?|flat|page|chapter"
    r"|ratio(?:[ ]of)?)[ ]?\Z",
    re.IGNORECASE,
)
_STREET: Final = re.compile(
    r"[ ]{1,2}(?:[A-Z][\w'’-]{0,20}[ ]{1,2}){0,2}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive"
    r"|Court|Way|Square|Close|Place|Boulevard|Blvd|Terrace|Crescent|Gardens|Row|Alley)\b"
)
_DAY_PREPOSITION: Final = re.compile(
    r"(?:\b(?:on|by|until|till|since|before|after|from|starting|between|and|to|through|prior to)"
    r"[ ]{1,2}(?:about |around )?|\d[ ]?[-–][ ]?)\Z",
    re.IGNORECASE,
)
_LOOSE_PREPOSITION: Final = re.compile(
    r"\b(?:at|around|about|for|over|of|up to|on|than|to|almost|nearly)[ ]{1,2}\Z", re.IGNORECASE
)
_AT: Final = re.compile(r"\bat[ ]{1,2}\Z", re.IGNORECASE)
_UNIT: Final = re.compile(
    r"[ ]?(?:km|kms|m|mm|cm|met(?:er|re)s?|miles?|steps|euros?|dollars?|pounds?|eur|usd|gbp|yen"
    r"|people|k?cal|(?:kilo)?calories|hours|minutes|words|kg|kilos?|g|grams|ml|lit(?:er|re)s?|watts?"
    r"|feet|ft|points|times|pages)\b",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[ \t]{0,3}([^\W\d_][\w'’-]{0,30}|[%°])")
_NOT_NOUNS: Final = (english.FUNCTION_WORDS | english.ADVERBS) - {"of"}
_SLASHED: Final = re.compile(r"\d{1,2}/\d{1,2}\Z")
_ORDINAL: Final = re.compile(
    rf"the[ \t]+(?:\d{{1,2}}(?:st|nd|rd|th)|{DAY_WORD_RE})\Z", re.IGNORECASE
)
_YEAR: Final = re.compile(r"(?:19|20)\d{2}\Z")
_VERB: Final = re.compile(rf"(?:may|march)[ \t]+(?:the[ \t]+)?(?:\d{{1,2}}|{DAY_WORD_RE})\Z")
_BEFORE_CHARS: Final = 24
_AFTER_CHARS: Final = 80


def is_lookalike(text: str, start: int, end: int) -> bool:
    """Return whether what reads as a date is more likely another number or a name."""
    before, after = text[max(0, start - _BEFORE_CHARS) : start], text[end : end + _AFTER_CHARS]
    phrase = text[start:end]
    if _STREET.match(after):
        return True
    if phrase[:1].isdigit() and (_JOINED_BEFORE.search(before) or _LABEL.search(before)):
        return True
    is_figures = not any(letter.isalpha() for letter in phrase)
    if is_figures and len(phrase) > len("12/31/99") and _JOINED_AFTER.match(after):
        return True
    if _YEAR.match(phrase):
        counts = _LOOSE_PREPOSITION.search(before) and _is_counting(after)
        return bool(_UNIT.match(after) or _AT.search(before) or counts)
    if _SLASHED.match(phrase) or _ORDINAL.match(phrase) or _VERB.match(phrase):
        return _DAY_PREPOSITION.search(before) is None or _is_counting(after)
    return False


def _is_counting(after: str) -> bool:
    """Return whether a noun follows, which the number then counts or numbers."""
    word = _WORD.match(after)
    return word is not None and word[1].lower() not in _NOT_NOUNS
