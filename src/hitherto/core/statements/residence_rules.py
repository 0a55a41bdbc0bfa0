"""Rules that read where somebody lives."""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.phrases import PLACE_END, add_cue, make_reading, text_before
from hitherto.core.statements.predicate import Polarity, Predicate, Tense
from hitherto.core.text.english_words import word_set
from hitherto.core.text.terms import (
    name_runs,
    stem,
    terms_of,
    without_vague_time,
)

# Where the last part takes whatever is left, a reading that has begun cannot fail at the end and
# try all others: `DOTALL`.
_FROM_TO = re.compile(
    r"^(?P<verb>\w+)\b(?: out)?(?: here| there)?(?: from (?P<from>.+?))?(?: back)?"
    r"(?: (?:in)?to (?P<to>.+?))?(?: from (?P<after>.+?))?$",
    re.DOTALL,
)
_LIVES = re.compile(
    r"^\w+(?: alone| happily)?(?: in| at| near| outside)(?: downtown)? (?P<place>.+)$"
)
_HOMES = word_set(
    """apartment flat house studio condo bungalow cottage loft townhouse dorm place home"""
)


def read_residence(body: str, clause: Predicate) -> list[Reading]:
    """Read where somebody lives, moves to, or has left."""
    first = stem(body.split()[0].lower())
    if first in {"live", "resid"}:
        match = _LIVES.match(body)
        if match is None:
            return []
        if clause.tense is Tense.PAST and body.split()[0].lower() == "lived":
            return []
        return home_readings(match["place"], clause, ())
    if clause.polarity is not Polarity.ASSERTS or body.split()[0].lower() == "located":
        return []
    match = _FROM_TO.match(text_before(PLACE_END, without_vague_time(body)).strip())
    if match is None or re.search(r"\b(?:in with|on from|on to|forward)\b", body):
        return []
    left = name_runs(match["from"] or match["after"] or "")
    return home_readings(match["to"] or "", add_cue(clause, "moved"), left)


def home_readings(home: str, clause: Predicate, left: tuple[str, ...]) -> list[Reading]:
    """Read a home: the town or country if one is named, else its kind."""
    home = text_before(PLACE_END, without_vague_time(home)).strip()
    runs = name_runs(home)
    if runs:
        return [replace(make_reading(clause, "residence", runs), replaced=left)]
    kinds = tuple(term for term in terms_of(home) if term in set(map(stem, _HOMES)))
    return [make_reading(clause, "dwelling", terms_of(home))] if kinds else []
