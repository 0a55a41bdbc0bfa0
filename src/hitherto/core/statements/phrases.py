"""Phrases of a clause: noun phrases, dates, lists; and readings made from them."""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.predicate import Polarity, Predicate, Tense
from hitherto.core.text.english_words import MONTH_NAMES, SHORT_MONTHS, UNITS
from hitherto.core.text.terms import (
    without_vague_time,
    words_of,
)

_MONTH_NUMBER = {month: number for number, month in enumerate(SHORT_MONTHS, start=1)}
_PHRASE_END = re.compile(
    r"[,;:(]|\b(?:on|since|for|because|after|before|when|while|where|with|who|which|that|so"
    r"|but|until|during|by|near|named|called|as of|due|including|together|alone|as well|in (?:"
    + "|".join(MONTH_NAMES)
    + r"|the (?:spring|summer|autumn|fall|winter|past)|early|late|\d{4})"
    r"|and (?:is|has|was|now|the|his|her|their|\w+s (?:a|an|as|at|in|to|for))"
    r"|at (?:the )?(?:age|\d))\b",
    re.IGNORECASE,
)
LIST = re.compile(r"(?:,|/|\band\b|\bor\b)\s*(?:to )?", re.IGNORECASE)
NUMBERS = {word: str(number) for number, word in enumerate(UNITS[:11])}


def noun_phrase(text: str) -> str:
    """Return a noun phrase without what follows it: "a nurse" of "a nurse since 2019"."""
    return text_before(_PHRASE_END, without_vague_time(text)).strip(" .!")


def text_before(end: re.Pattern[str], text: str) -> str:
    """Return the text in front of the first match, without white space behind it."""
    match = end.search(text)
    return text if match is None else text[: match.start()].rstrip()


def make_reading(clause: Predicate, attribute: str, values: tuple[str, ...]) -> Reading:
    """Make a reading with the subject, tense, polarity and cue of its clause."""
    return Reading(clause.subject, attribute, values, clause.polarity, clause.tense, clause.cue)


def add_cue(clause: Predicate, cue: str) -> Predicate:
    """Return the clause with a cue, unless it is a plan or already has one."""
    if clause.tense is Tense.FUTURE or clause.cue:
        return clause
    return replace(clause, cue=cue)


def mark_ended(clause: Predicate, cue: str) -> Predicate:
    """Return the clause as an end, or as a denial if it is negated or planned."""
    if clause.polarity is not Polarity.ASSERTS or clause.tense is Tense.FUTURE:
        return replace(clause, polarity=Polarity.DENIES)
    return replace(clause, polarity=Polarity.ENDED, cue=cue)


PLACE_END = re.compile(
    r"(?<=\s)(?:on|since|for|because|after|before|when|while|with|and|but|until|last|this|in (?:"
    + "|".join(MONTH_NAMES)
    + r"|early|late|\d{4}|the (?:spring|summer|autumn|fall|winter)))\b",
    re.IGNORECASE,
)
_DAY_MONTH = re.compile(
    r"\b(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?P<month>[A-Za-z]{3,9})"
    r"|(?P<month2>[A-Za-z]{3,9}) (?P<day2>\d{1,2})(?:st|nd|rd|th)?\b)"
)
_ISO_DATE = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b")
_YEAR = re.compile(r"\b(?:19|20)\d{2}\b")


def date_parts(text: str) -> tuple[str, ...]:
    """Return the parts of a date that a text states: "y1990", "m5", "d3"."""
    if iso := _ISO_DATE.search(text):
        return (f"y{iso['y']}", f"m{int(iso['m'])}", f"d{int(iso['d'])}")
    parts = []
    if year := _YEAR.search(text):
        parts.append(f"y{year[0]}")
    for match in _DAY_MONTH.finditer(text):
        month = _MONTH_NUMBER.get((match["month"] or match["month2"])[:3].lower())
        if month:
            return (*parts, f"m{month}", f"d{int(match['day'] or match['day2'])}")
    for word in words_of(text):
        if word.lower() in MONTH_NAMES:
            return (*parts, f"m{MONTH_NAMES.index(word.lower()) + 1}")
    return tuple(parts)
