"""Dates of a piece of text that are certain, given the time that it speaks of.

A wrong day is worse than none: where a date can lie on two sides and nothing says which, or the
signs contradict each other, there is none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Final

from hitherto.core.dates import east_asian, other_languages
from hitherto.core.dates.calendar import EARLIEST, shift
from hitherto.core.dates.grammars import GRAMMARS
from hitherto.core.dates.mentions import DateMention, Side, find_dates, nearer
from hitherto.core.text.english_words import SHORT_DAYS

DateReader = Callable[[str, date, Side], list[DateMention]]
"""Finds the dates of a text, seen from a day, on the side that is preferred."""

SIDES: Final[Mapping[str, Side]] = {"past": "past", "ended": "past", "future": "future"}
"""Sides of the times that speak of one; see `hitherto.core.statements.learned.TIMES`."""
_HABITUAL: Final = "always"
_WEEK_APART: Final = 7
"""Days between both readings of a weekday. On that weekday itself they are two weeks apart."""
_OPEN_END: Final = ("until ", "by ")
_OPEN_START: Final = ("as of ", "from ")
_UNREAD: Final = object()
_NEXT_DAY: Final = re.compile(rf"\bnext (?:{'|'.join(SHORT_DAYS)})", re.IGNORECASE)


def english_dates(text: str, today: date, side: Side) -> list[DateMention]:
    """Find the date expressions of an English text, without "next Friday" before this week's."""
    sunday = shift(today, 6 - today.weekday())
    return [
        mention
        for mention in find_dates(text, today, prefers=side)
        if mention.first > sunday or not _NEXT_DAY.search(text, mention.start, mention.end)
    ]


def reader_of(language: str) -> DateReader:
    """Return the function that finds dates in a language; an unknown one is read as English."""
    return _READERS.get(language, english_dates)


_READERS: Final[Mapping[str, DateReader]] = {
    "ja": partial(east_asian.dates_in, "ja"),
    "zh": partial(east_asian.dates_in, "zh"),
    **{code: partial(other_languages.dates_in, code) for code in GRAMMARS},
}


def certain_dates(
    text: str,
    today: date,
    time: str,
    read_dates: DateReader = english_dates,
    clauses: Mapping[str, DateMention | None] | None = None,
) -> list[DateMention]:
    """Find the dates of a text that are certain, in order and without overlap.

    time: that the text speaks of, as the statement model says it. clauses: what expressions mean
    by the grammar of their clauses, by their words in lower case; None for a day of every year.

    Dates that say their side themselves ("last May", "2019") stay. Others ("in May") lie on the
    side of `time`; if it is the present, on that of their clause or at least twice as near. What
    is always so has no day. A past "until X" is the last day of X.
    """
    behind = {(mention.start, mention.end): mention for mention in read_dates(text, today, "past")}
    ahead = {(mention.start, mention.end): mention for mention in read_dates(text, today, "future")}
    mentions: list[DateMention] = []
    for span in sorted(behind.keys() | ahead.keys()):
        clause = (clauses or {}).get(text[slice(*span)].lower(), _UNREAD)
        if clause is None or (mentions and span[0] < mentions[-1].end):
            continue
        in_clause = clause if isinstance(clause, DateMention) else None
        meant = _meant(behind.get(span), ahead.get(span), in_clause, today, time)
        if meant is not None:
            mentions.append(replace(meant, start=span[0], end=span[1]))
    return [
        replace(mention, first=mention.last) if mention.first == EARLIEST else mention
        for mention in mentions
    ]


def _meant(
    behind: DateMention | None,
    ahead: DateMention | None,
    clause: DateMention | None,
    today: date,
    time: str,
) -> DateMention | None:
    """Return the reading that is certain."""
    if behind is not None and ahead is not None and _bound(behind) == _bound(ahead):
        return behind if _bound(behind)[1] < today else ahead
    if time == _HABITUAL:
        return None
    apart = _days_apart(behind, ahead)
    side = SIDES.get(time)
    if side is None:
        return _of_present(behind, ahead, clause, today)
    meant = behind if side == "past" else ahead
    contradicted = clause is not None and meant is not None and _bound(clause) != _bound(meant)
    return None if contradicted or apart == 2 * _WEEK_APART else meant


def _of_present(
    behind: DateMention | None, ahead: DateMention | None, clause: DateMention | None, today: date
) -> DateMention | None:
    """Return the reading of what is said of the present."""
    if behind is None or ahead is None:
        return clause
    apart = _days_apart(behind, ahead)
    if behind.kind == "since":
        return behind
    in_past = clause is not None and _bound(clause) == _bound(behind)
    if ahead.phrase.startswith(_OPEN_END) and not in_past:
        return None if apart == 2 * _WEEK_APART else ahead
    if apart <= 2 * _WEEK_APART:
        return behind if in_past and apart == _WEEK_APART else None
    nearest = nearer(behind, ahead, today)
    if clause is None or ahead.phrase.startswith(_OPEN_START):
        return nearest
    if in_past:
        return behind
    return None if nearest is behind else ahead


def _days_apart(behind: DateMention | None, ahead: DateMention | None) -> int:
    """Return the days between two readings, 0 where one is missing."""
    if behind is None or ahead is None:
        return 0
    return abs((_bound(ahead)[1] - _bound(behind)[1]).days)


def _bound(mention: DateMention) -> tuple[date, date]:
    """Return the days of a date, without the end that its preposition leaves open."""
    if mention.kind == "before":
        return mention.last, mention.last
    if mention.kind in ("after", "since"):
        return mention.first, mention.first
    return mention.first, mention.last
