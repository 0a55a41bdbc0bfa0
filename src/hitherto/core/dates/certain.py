"""Dates of a piece of text that are certain, given the time that it speaks of.

A wrong day is worse than none: where a date can lie on two sides and nothing says which, or the
signs contradict each other, there is none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
_THE_LAST: Final = re.compile(
    r"the last (?:week|weekend|month|year) (?:i|we|he|she|they|you|of|before|at|in)\b",
    re.IGNORECASE,
)
_NEXT_DAY: Final = re.compile(rf"\bnext (?:{'|'.join(SHORT_DAYS)})", re.IGNORECASE)


def english_dates(text: str, today: date, side: Side) -> list[DateMention]:
    """Find the date expressions of an English text, without "next Friday" before this week's."""
    sunday = shift(today, 6 - today.weekday())
    return [
        mention
        for mention in find_dates(text, today, prefers=side)
        if (mention.first > sunday or not _NEXT_DAY.search(text, mention.start, mention.end))
        and not _THE_LAST.match(text, mention.start)
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
    by the grammar of their clauses, by their words in lower case, None for a day of every year;
        None if the text's clauses cannot be read.

    Dates that say their side themselves ("last May", "2019") stay. Others ("in May") lie on the
    side of `time`; if it is the present, on that of their clause or at least twice as near where
    clauses can be read. What is always so has no day, and "in May" none outside of a year that the
    text names. A past "until X" is the last day of X.
    """
    behind = {(mention.start, mention.end): mention for mention in read_dates(text, today, "past")}
    ahead = {(mention.start, mention.end): mention for mention in read_dates(text, today, "future")}
    mentions: list[DateMention] = []
    open_spans: set[tuple[int, int]] = set()
    for span in sorted(behind.keys() | ahead.keys()):
        clause = (clauses or {}).get(text[slice(*span)].lower(), _UNREAD)
        if clause is None or (mentions and span[0] < mentions[-1].end):
            continue
        readings = _Readings(behind.get(span), ahead.get(span))
        in_clause = clause if isinstance(clause, DateMention) else None
        meant = readings.agreed(today)
        if meant is None and time != _HABITUAL:
            open_spans.add(span)
            meant = readings.on_side(time, in_clause, today, has_clauses=clauses is not None)
        if meant is not None:
            mentions.append(replace(meant, start=span[0], end=span[1]))
    years = {mention.first.year for mention in mentions if mention.kind == "year"}
    return [
        replace(mention, first=mention.last) if mention.first == EARLIEST else mention
        for mention in mentions
        if not years or (mention.start, mention.end) not in open_spans or mention.last.year in years
    ]


@dataclass(frozen=True, slots=True)
class _Readings:
    """Both readings of a date, None where a side has none."""

    behind: DateMention | None
    ahead: DateMention | None

    def agreed(self, today: date) -> DateMention | None:
        """Return the date if both readings are the same."""
        if self.behind is None or self.ahead is None or _bound(self.behind) != _bound(self.ahead):
            return None
        return self.behind if _bound(self.behind)[1] < today else self.ahead

    def on_side(
        self, time: str, clause: DateMention | None, today: date, *, has_clauses: bool
    ) -> DateMention | None:
        """Return the reading on the side of a time, None where that is in doubt."""
        side = SIDES.get(time)
        if side is None:
            return self._in_present(clause, today, has_clauses=has_clauses)
        meant = self.behind if side == "past" else self.ahead
        contradicted = clause is not None and meant is not None and _bound(clause) != _bound(meant)
        return None if contradicted or self._days_apart() == 2 * _WEEK_APART else meant

    def _in_present(
        self, clause: DateMention | None, today: date, *, has_clauses: bool
    ) -> DateMention | None:
        """Return the reading of what is said of the present."""
        if self.behind is None or self.ahead is None:
            return clause
        if self.behind.kind == "since":
            return self.behind
        apart = self._days_apart()
        in_past = clause is not None and _bound(clause) == _bound(self.behind)
        if self.ahead.phrase.startswith(_OPEN_END) and not in_past:
            return None if apart == 2 * _WEEK_APART else self.ahead
        if apart <= 2 * _WEEK_APART:
            return self.behind if in_past and apart == _WEEK_APART else None
        nearest = nearer(self.behind, self.ahead, today)
        if self.ahead.phrase.startswith(_OPEN_START):
            return nearest
        if clause is None:
            return nearest if has_clauses else None
        if in_past:
            return self.behind
        return None if nearest is self.behind else self.ahead

    def _days_apart(self) -> int:
        """Return the days between both readings, 0 where one is missing."""
        if self.behind is None or self.ahead is None:
            return 0
        return abs((_bound(self.ahead)[1] - _bound(self.behind)[1]).days)


def _bound(mention: DateMention) -> tuple[date, date]:
    """Return the days of a date, without the end that its preposition leaves open."""
    if mention.kind == "before":
        return mention.last, mention.last
    if mention.kind in ("after", "since"):
        return mention.first, mention.first
    return mention.first, mention.last
