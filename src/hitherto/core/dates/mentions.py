"""Dates in English text as ranges of days, seen from a given day.

The expressions themselves are read in `expressions` and `compounds`; here they are joined with
their prepositions ("since", "before", "between ... and ...") into ranges and absolute wording.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from hitherto.core.dates.calendar import EARLIEST, add_months, day_text, shift
from hitherto.core.dates.compounds import points_in
from hitherto.core.dates.expressions import DateKind, Point
from hitherto.core.dates.habits import habit_spans
from hitherto.core.text.english_words import SHORT_DAYS, SHORT_MONTHS
from hitherto.core.text.normal_form import with_plain_letters

Side = Literal["past", "future"]
Direction = Literal["past", "future", "nearest"]


@dataclass(frozen=True, slots=True)
class DateMention:
    """Date expression in a text.

    start, end: the character span, with the preposition that belongs to it ("in May").
    first, last: the days it covers, both included.
    phrase: the same date, absolute, to put in the place of the span ("in May 2025").
    noun: the bare absolute date ("May 2025").
    """

    start: int
    end: int
    first: date
    last: date
    kind: DateKind
    phrase: str
    noun: str


_HINT = re.compile(
    rf"\d|day|week|\b(?:{'|'.join(SHORT_DAYS)})\b|month|year|night|tonight|morning|afternoon"
    r"|evening|tomorrow|recently|lately"
    r"|(?:[rfxnh]th|ieth)\b|thurs|tues|summer|winter|spring|autumn|fall|ago\b|back\b|later|now\b|decade|christmas"
    rf"|halloween|easter|thanks|{'|'.join(SHORT_MONTHS)}",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"(?:\b(?P<skip>every|each|all|most|some|any|alternate)[ \t]{1,3}"
    r"(?:(?:other|single|first|second|third|fourth|last)[ \t]{1,3})?"
    r"|\b(?:(?P<prep>ever since|since|before|by|until|till?|up to|after|prior to|starting|from"
    r"|back in|back on|on|in|at|during|over|around|about|for|of|to|than|through|as of|late|early"
    r"|between|earlier|later|as soon as|sometime|and)"
    r"(?P<adv>[ \t]{1,3}(?:about|around|over|almost|nearly|exactly|early|the end of))?"
    r"[ \t]{1,3}))\Z",
    re.IGNORECASE,
)
_PLAIN = {"back in", "back on", "on", "in", "at", "during", "over", "around", "about", "early",
          "late", "earlier", "later", "sometime"}  # fmt: skip
_ROUNDED = re.compile(r"\b(?:about|around|over|almost|nearly|just|roughly|only|exactly)\Z", re.I)


def find_dates(text: str, today: date, *, prefers: Direction) -> list[DateMention]:
    """Find the date expressions of `text`, in order and without overlap.

    today: the day from which relative dates are seen.
    prefers: where a date without a direction of its own lies ("in May", "on Friday"): "past" for
        what was done, "future" for plans, "nearest" where that is not known: there is no date
        then unless one side is at least twice as near as the other. A month that is the current
        one is the current one for both. "since X" ends today; a future "before X" begins today; a
        past one begins at `EARLIEST`; "after X" ends today (past) or a year after X (future).

    Repeated days ("every Friday", "on Mondays", "tues and thurs") and durations ("for two years")
    are no dates.
    """
    text = with_plain_letters(text)
    if _HINT.search(text) is None:
        return []
    if prefers != "nearest":
        return _mentions(text, today, prefers)
    ahead = {(item.start, item.end): item for item in _mentions(text, today, "future")}
    pairs = [
        (item, ahead[item.start, item.end])
        for item in _mentions(text, today, "past")
        if (item.start, item.end) in ahead
    ]
    nearest = [nearer(behind, coming, today) for behind, coming in pairs]
    return [item for item in nearest if item is not None]


def nearer(behind: DateMention, ahead: DateMention, today: date) -> DateMention | None:
    """Return the nearer of two readings, None if the other is not twice as far."""
    if (behind.first, behind.last) == (ahead.first, ahead.last):
        return behind
    back, forth = _days_to(behind, today), _days_to(ahead, today)
    if 2 * back <= forth:
        return behind
    return ahead if 2 * forth <= back else None


def _days_to(mention: DateMention, today: date) -> int:
    """Return the days between today and a date, or the bound that a preposition names."""
    if mention.kind == "before":
        return abs((mention.last - today).days)
    if mention.kind in ("after", "since"):
        return abs((mention.first - today).days)
    return max((mention.first - today).days, (today - mention.last).days, 0)


def _mentions(text: str, today: date, prefers: Side) -> list[DateMention]:
    points = _without_habits(text, points_in(text, today, prefers == "past"))
    mentions: list[DateMention] = []
    index = 0
    while index < len(points):
        mention_of_two = _joint_range(text, points, index, today, prefers)
        if mention_of_two is not None:
            mentions.append(mention_of_two)
            index += 2
            continue
        mention = _with_preposition(text, points[index], today, prefers)
        if mention is not None:
            mentions.append(mention)
        index += 1
    return mentions


def _without_habits(text: str, points: Iterator[Point]) -> list[Point]:
    """Return the points that are no days of every week."""
    spans = iter(habit_spans(text))
    span = next(spans, None)
    kept = []
    for point in points:
        while span is not None and span[1] <= point.start:
            span = next(spans, None)
        if span is None or point.end <= span[0]:
            kept.append(point)
    return kept


def _preposition(text: str, start: int) -> re.Match[str] | None:
    return _BEFORE.search(text, max(0, start - 40), start)


_CONNECT = re.compile(
    r"[ \t]{0,3}(?:-|–|(?:to|and|until|till|through)\b)[ \t]{0,3}(?:the )?\Z", re.I
)


def _joint_range(
    text: str, points: list[Point], index: int, today: date, prefers: Side
) -> DateMention | None:
    """ "between March and June", "from 3 May to 7 May"."""
    if index + 1 >= len(points):
        return None
    begin, end = points[index], points[index + 1]
    before = _preposition(text, begin.start)
    word = (before["prep"] or "").lower() if before else ""
    gap = text[begin.end : end.start]
    if word not in {"between", "from"} or len(gap) > 12 or not _CONNECT.match(gap):
        return None
    first, last = begin.first, end.last
    if begin.kind == end.kind == "day" and begin.strict and not end.strict:
        first = first.replace(year=last.year, month=last.month, day=min(first.day, 28))
    if last < first:
        is_week = (first - last).days < 7 and not any(
            char.isdigit() for char in text[begin.start : end.end]
        )
        if prefers == "past":
            first = shift(first, -7) if is_week else add_months(first, -12)
        else:
            last = shift(last, 7) if is_week else add_months(last, 12)
    if last < first or before is None:
        return None
    noun = f"{_name(begin, first)} {'and' if word == 'between' else 'to'} {_name(end, last)}"
    return DateMention(before.start(), end.end, first, last, "span", f"{word} {noun}", noun)


def _name(point: Point, day: date) -> str:
    """Return the point's name, with the year that the range gave it."""
    if point.kind == "day":
        return day_text(day)
    return re.sub(r"\d{4}\Z", str(day.year), point.noun)


def _with_preposition(text: str, point: Point, today: date, prefers: Side) -> DateMention | None:
    before = _preposition(text, point.start)
    if before is not None and before["skip"]:
        return None
    word = (before["prep"] or "").lower() if before else ""
    if point.strict and word in {"", "about", "and", "to", "than", "over"}:
        return None
    if before is None or word in {"for", "of", "to", "than", "through", "and", "between"}:
        phrase = point.adverb if word in {"", "and"} else point.noun
        start = _rounded_start(text, point)
        return DateMention(
            start, point.end, point.first, point.last, point.kind, phrase, point.noun
        )
    bounded = bounded_mention(point, word, today, prefers)
    if bounded is not None:
        return replace(bounded, start=before.start())
    phrase = point.adverb if word in _PLAIN else f"{word} {point.noun}"
    return DateMention(
        before.start(), point.end, point.first, point.last, point.kind, phrase, point.noun
    )


def _rounded_start(text: str, point: Point) -> int:
    """Return the start of a date with its "about", as in "about a month ago"."""
    left = text[max(0, point.start - 12) : point.start].rstrip()
    match = _ROUNDED.search(left) if point.kind != "day" else None
    if match is None:
        return point.start
    return max(0, point.start - 12) + match.start()


def bounded_mention(point: Point, word: str, today: date, prefers: Side) -> DateMention | None:
    """Return the range that a preposition opens: since, before, by, until, after."""
    noun = point.noun
    if point.kind == "week" and noun.startswith("around "):
        noun = noun.removeprefix("around ")
    first, last, kind = point.first, point.last, point.kind
    if word in {"since", "ever since"}:
        first, last, kind, word = first, max(first, today), "since", "since"
    elif word in {"before", "prior to"}:
        last, kind, word = shift(first, -1), "before", "before"
        first = today if prefers == "future" and today <= last else EARLIEST
    elif word in {"by", "until", "till", "til", "up to"}:
        kind, word = "before", "by" if word == "by" else "until"
        first = today if prefers == "future" and today <= last else EARLIEST
    elif word == "after":
        first = shift(last, 1)
        last = max(first, today) if prefers == "past" else add_months(first, 12)
        kind = "after"
    else:
        return None
    return DateMention(0, point.end, first, last, kind, f"{word} {noun}", noun)
