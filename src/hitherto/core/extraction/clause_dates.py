"""Dates of one clause, on the side of today that its tense and time say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, Literal

from hitherto.core.dates.certain import certain_dates
from hitherto.core.dates.mentions import DateMention, find_dates
from hitherto.core.extraction import verb_forms
from hitherto.core.text import english_words as english

_DATES: Final = 0xE000
_LAST: Final = 0xF8FF
"""First and last of the characters for private use, which stand for dates."""
_PREPOSITION: Final = re.compile(
    r"(?:in|on|at|since|before|by|until|till|from|during)\b", re.IGNORECASE
)
_TAKES_NOUN: Final = english.word_set("for of from to about than until during by through")
_MAY_FOLLOW: Final = english.PREPOSITIONS | english.word_set("to again too instead")
_GIVES_DAY: Final = english.word_set("to for until till")
_MORE_THAN_A_DAY: Final = re.compile(
    r"morning|afternoon|evening|night|christmas|easter|halloween|thanksgiving|new year",
    re.IGNORECASE,
)
"""Words of a date that a day in figures would lose."""
_YEARLY: Final = re.compile(r"\b(?:birthday|anniversary|name day) (?:is|falls)\Z|\bborn\Z")
_BARE_DAY: Final = re.compile(
    rf"(?!.*\b(?:\d{{4}}|last|next|this)\b).*(?:\b(?:{'|'.join(english.SHORT_MONTHS)})|/\d)",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r" \d{4}\Z")

Tense = Literal["past", "present", "future"]


@dataclass(frozen=True, slots=True)
class MaskedDate:
    """A date expression; behind, ahead: what it means on either side."""

    text: str
    behind: DateMention | None
    ahead: DateMention | None


@dataclass(frozen=True, slots=True)
class Dated:
    """A predicate with its dates written out, and its first and last day."""

    predicate: str
    first: date
    last: date


def mask_dates(text: str, today: date) -> tuple[str, list[MaskedDate]]:
    """Return the text with one character for each date, and the dates."""
    behind = {(item.start, item.end): item for item in find_dates(text, today, prefers="past")}
    ahead = {(item.start, item.end): item for item in find_dates(text, today, prefers="future")}
    out: list[str] = []
    dates: list[MaskedDate] = []
    position = 0
    for span in sorted(behind.keys() | ahead.keys()):
        start, end = span
        if start >= position:
            out += [text[position:start], chr(_DATES + len(dates))]
            dates.append(MaskedDate(text[start:end], behind.get(span), ahead.get(span)))
            position = end
    return "".join([*out, text[position:]]), dates


def is_date(word: str) -> bool:
    """Return whether a word stands for a date."""
    return len(word) == 1 and _DATES <= ord(word) <= _LAST


def write_dates(
    subject: str, predicate: Sequence[str], dates: Sequence[MaskedDate], today: date, time: str
) -> Dated | None:
    """Write out a predicate's dates; None if one is uncertain or part of a noun.

    time: that the statement model reads in the clause.
    """
    tense = _tense(predicate)
    named: list[DateMention] = []
    out: list[str] = []
    for word, following in pairwise([*predicate, ""]):
        if not is_date(word):
            out.append(word)
            continue
        masked = dates[ord(word) - _DATES]
        if tense == "past" and masked.behind is None:
            out.append(masked.text)
            continue
        is_yearly = _YEARLY.search(" ".join([subject, *out])) is not None
        if is_yearly and masked.behind is not None and _is_bare_day(masked.behind, masked.text):
            out.append(_YEAR.sub("", masked.behind.phrase))
            continue
        mention = masked.behind if is_yearly else _meant(masked, following, tense, time, today)
        if mention is None or not _is_adverbial(masked.text, out, following):
            return None
        named.append(mention)
        out.append(mention.noun if out[-1] in _TAKES_NOUN else mention.phrase)
    if len(named) > 1 and any(mention.kind == "vague" for mention in named):
        return None
    first, last = (named[0].first, named[0].last) if named else (today, today)
    return Dated(" ".join(out), first, last)


def _tense(predicate: Sequence[str]) -> Tense:
    """Return the tense that says where a date lies; "present" where its sense decides."""
    at = verb_forms.behind_adverbs(predicate, 0)
    verb = predicate[at]
    main = verb_forms.behind_adverbs(predicate, at + 1 + (predicate[at + 1 : at + 2] == ["not"]))
    word = predicate[main] if main < len(predicate) else ""
    if not english.PLANNED.isdisjoint(predicate) or any(
        first in _GIVES_DAY and (is_date(second) or second in english.VERBS)
        for first, second in pairwise(predicate[at + 1 :])
    ):
        return "present"
    if verb == "will" or (verb in ("is", "are") and word.endswith("ing") and len(word) > 4):
        return "future"
    if verb in ("has", "have"):
        is_done = word not in ("got", "been") and verb_forms.is_participle(word)
        return "past" if is_done else "present"
    if verb == "got":
        return "past" if verb_forms.is_participle(word) else "present"
    is_past = verb in ("was", "were", "had", "did") or verb_forms.base_of_past(verb) is not None
    return "past" if is_past else "present"


def _meant(
    masked: MaskedDate, following: str, tense: Tense, time: str, today: date
) -> DateMention | None:
    """Return what a date means; None if that is open or does not fit the tense."""
    behind, ahead = masked.behind, masked.ahead
    is_open = behind is None or ahead is None or behind.phrase != ahead.phrase
    is_range = behind is not None and behind.kind == "span"
    if is_open and (is_range or (tense == "present" and time != "future")):
        return None
    in_clause = behind if tense == "past" else ahead
    clauses = {masked.text.lower(): in_clause} if in_clause is not None else {}
    text = masked.text if is_date(following) else f"{masked.text} {following}"
    mentions = certain_dates(text, today, time, clauses=clauses)
    if len(mentions) != 1:
        return None
    fits = mentions[0].first <= today if tense == "past" else mentions[0].last >= today
    return mentions[0] if fits or mentions[0].kind in ("since", "span", "vague") else None


def _is_adverbial(text: str, before: Sequence[str], following: str) -> bool:
    """Return whether a date says when, unlike that of "the May sale"."""
    if _MORE_THAN_A_DAY.search(text) or not before:
        return False
    if following and not is_date(following) and following not in _MAY_FOLLOW:
        return False
    if _PREPOSITION.match(text) or before[-1] in _TAKES_NOUN:
        return True
    base = verb_forms.base_of_third(before[-1]) or verb_forms.base_of_past(before[-1])
    is_object = base in english.VERBS_WITH_TIMES or before[-1].endswith("ing")
    return not is_object and before[-1] not in english.CLOSED_CLASSES


def _is_bare_day(mention: DateMention, text: str) -> bool:
    return mention.kind == "day" and _BARE_DAY.match(text) is not None
