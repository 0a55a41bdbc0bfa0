"""Tense of the English words around a date, in pieces of any shape.

Only signs of the past are read: a verb in the past nearest to the date, in its clause. What stands
in the present may be of any time.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from hitherto.core.dates.mentions import DateMention, find_dates
from hitherto.core.text import english_words as english

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[,;:.!?()–—]")
_CLAUSE_CHARS: Final = 120
_ENDS: Final = english.word_set(
    "and but because so which who if when while that , ; : . ! ? ( ) – —"
)
_OPEN: Final = english.PLANNED | english.word_set("""
    promised decided agreed told asked said wanted hoped confirmed given gave offered fixed meant
    intended expected needed
""")
"""Verbs in the past whose day may lie ahead: "was promised a place from 1 September"."""
_NOT_PAST: Final = (
    _OPEN
    | english.MODALS
    | english.word_set(
        "am is are i'm we're they're you're it's going gonna wanna gets getting get be being due"
    )
)
_ENDINGS: Final = ("'d", "’d", "'ll", "’ll")
_NO_VERBS: Final = (
    english.UNCHANGED_PASTS
    | english.NOUN_LIKE_PASTS
    | english.word_set("hundred indeed exceed proceed succeed naked tired married supposed allowed")
)
_PASTS: Final = (
    (english.PASTS | english.PARTICIPLES | {"was", "were", "did"}) - _NO_VERBS - english.VERBS
)
_HAVE: Final = ("'ve", "’ve", "'s", "’s", "have", "has")
"""In front of "got", which says then what somebody has."""


def past_dates(text: str, today: date) -> dict[str, DateMention]:
    """Return the dates whose clause is in the past, by their words in lower case."""
    return {
        text[mention.start : mention.end].lower(): mention
        for mention in find_dates(text, today, prefers="past")
        if _is_past(text, mention)
    }


def _is_past(text: str, mention: DateMention) -> bool:
    before = _WORD.findall(text[max(0, mention.start - _CLAUSE_CHARS) : mention.start].lower())
    first = len(before)
    while first and before[first - 1] not in _ENDS:
        first -= 1
    if len(before) - first > 1:
        return _has_past_verb(before[first:])
    behind = _WORD.findall(text[mention.end : mention.end + _CLAUSE_CHARS].lower())
    end = next((at for at, word in enumerate(behind) if word in _ENDS), len(behind))
    clause = behind[:end]
    return any(map(_is_past_verb, clause)) and _NOT_PAST.isdisjoint(clause)


def _has_past_verb(clause: Sequence[str]) -> bool:
    """Return whether the last verb of words in front of a date is in the past."""
    for word, earlier, following in zip(
        reversed(clause), [*reversed(clause[:-1]), ""], ["", *reversed(clause[1:])], strict=True
    ):
        if _is_past_verb(word):
            has_got = word == "got" and earlier.endswith(_HAVE)
            is_adjective = word == "left" and not earlier
            return not (has_got or is_adjective or _is_present(earlier, ""))
        if _is_present(word, following):
            return False
    return False


def _is_present(word: str, following: str) -> bool:
    """Return whether a word begins what may lie ahead: "will", "I'd", "to go"."""
    is_infinitive = word == "to" and (not following or following in english.VERBS)
    return is_infinitive or word in _NOT_PAST or word.endswith(_ENDINGS)


def _is_past_verb(word: str) -> bool:
    if word in _OPEN:
        return False
    regular = word.endswith("ed") and len(word) > 4 and word not in _NO_VERBS
    return regular or word in _PASTS
