"""Dates that are counted from another one: "a week from Tuesday", "the summer before last".

They are found around the dates of `expressions`. Where such a form is open, as "Monday week" is on
a Monday, there is no date.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from hitherto.core.dates.calendar import add_months, day_text, shift, valid_day
from hitherto.core.dates.expressions import (
    COUNT_RE,
    MONTH_INDEX,
    RULES,
    SEASON_START,
    VAGUE_COUNT,
    WEEKDAY_INDEX,
    Point,
    Resolver,
    compile_form,
    count_of,
    day_point,
    day_point_or_none,
    month_point,
    season_point,
    stepped_season,
)
from hitherto.core.dates.holidays import HOLIDAY_RULE, HOLIDAYS, holiday_day
from hitherto.core.dates.lookalikes import is_lookalike
from hitherto.core.text.english_words import DAY_NAMES, MONTH_NAMES, SHORT_MONTHS

_DAYS: Final = "|".join(DAY_NAMES)
_SEASONS: Final = "|".join(SEASON_START)
_HOLIDAY_NAMES: Final = "christmas|easter|halloween|thanksgiving"
_NAMED: Final = rf"(?P<name>{_SEASONS}|{_DAYS}|{'|'.join(MONTH_NAMES)}|{_HOLIDAY_NAMES})"
_YEAR: Final = r"(?P<year>(?:19|20)\d{2})"
_MONTH: Final = rf"(?P<month>{'|'.join((*MONTH_NAMES, *SHORT_MONTHS))})"


def _figures(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read 29.03.2026 and 2026/03/29."""
    day = valid_day(int(match["year"]), int(match["mon"]), int(match["day"]))
    return day_point_or_none(match, day)


def _dashed(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read 29-03-2026 in the only order that is a date; 03-04-2026 has two."""
    year, first, second = int(match["year"]), int(match["one"]), int(match["two"])
    days = {day for day in (valid_day(year, first, second), valid_day(year, second, first)) if day}
    return day_point(match, days.pop()) if len(days) == 1 else None


def _dashed_month(match: re.Match[str], today: date, past: bool) -> Point | None:
    month = MONTH_INDEX[match["month"].lower()]
    return day_point_or_none(match, valid_day(int(match["year"]), month, int(match["day"])))


def _beyond(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read "the summer before last", "the Friday after next"."""
    return _repeated(match, today, -2 if match["dir"].lower().startswith("before") else 2)


def _ago(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read "two Fridays ago", "three summers ago"."""
    return None if VAGUE_COUNT.search(match["count"]) else _repeated(match, today, -count_of(match))


def _repeated(match: re.Match[str], today: date, step: int) -> Point | None:
    """Return the season, weekday, month or holiday that is `step` ones away."""
    name = match["name"].lower()
    side = -1 if step < 0 else 1
    more = step - side
    if abs(more) > 200:
        return None
    if name in WEEKDAY_INDEX:
        ahead = (WEEKDAY_INDEX[name] - today.weekday()) % 7 or 7
        first = ahead if side > 0 else (ahead - 7 or -7)
        return day_point(match, shift(today, first + 7 * more), weekday=True)
    if name in SEASON_START:
        nearest = stepped_season(match, today, side, name)
        return season_point(match, nearest.first.year + more, name)
    if name in HOLIDAYS:
        is_over = holiday_day(name, today.year) < today
        year = today.year - (not is_over) if side < 0 else today.year + is_over
        return day_point(match, holiday_day(name, year + more))
    month = MONTH_INDEX[name]
    year = today.year - (today.month <= month) if side < 0 else today.year + (today.month >= month)
    return month_point(match, year + more, month)


_FORMS: Final[tuple[tuple[re.Pattern[str], Resolver], ...]] = (
    (
        compile_form(rf"(?P<day>\d{{1,2}})\.[ ]?(?P<mon>\d{{1,2}})\.[ ]?{_YEAR}"),
        _figures,
    ),
    (compile_form(rf"{_YEAR}(?:/|\.)(?P<mon>\d{{1,2}})(?:/|\.)(?P<day>\d{{1,2}})"), _figures),
    (compile_form(rf"(?P<one>\d{{1,2}})-(?P<two>\d{{1,2}})-{_YEAR}"), _dashed),
    (
        compile_form(rf"(?P<day>\d{{1,2}})[-/.]{_MONTH}[-/.]{_YEAR}"),
        _dashed_month,
    ),
    (
        compile_form(rf"the[ ]{_NAMED}[ ](?P<dir>before[ ]last|after[ ]next)"),
        _beyond,
    ),
    (compile_form(rf"{COUNT_RE}[ ]{_NAMED}(?:s|es)?[ ]ago"), _ago),
)

_PREFIX: Final = re.compile(
    rf"\b(?P<for>for[ ])?(?:{COUNT_RE}|the)[ ]"
    rf"(?P<unit>day|week|fortnight|month|year|weekend|{_DAYS})s?[ ]"
    r"(?P<sign>from|after|before|on|ago(?:[ ]on)?)[ ]\Z",
    re.IGNORECASE,
)
_PREFIX_CHARS: Final = 48
_SUFFIX: Final = re.compile(r"[ ](?P<unit>week|fortnight)(?![\w-])", re.IGNORECASE)
_WEEKDAY: Final = re.compile(rf"(?:{_DAYS})(?:[ ](?:morning|afternoon|evening|night))?\Z", re.I)
_SOON: Final = re.compile(r"(?:today|tomorrow)\Z", re.IGNORECASE)
_SINCE: Final = re.compile(r"\bsince\s+\Z", re.IGNORECASE)


def points_in(text: str, today: date, past: bool) -> Iterator[Point]:
    """Yield the dates in a text in order, of overlapping ones the longest.

    past: whether a date without a direction of its own lies behind `today`, as each does that
    stands behind "since".
    """
    points: list[Point] = []
    for pattern, resolve in (*RULES, HOLIDAY_RULE, *_FORMS):
        for match in pattern.finditer(text):
            back = past or _SINCE.search(text[max(0, match.start() - 8) : match.start()])
            point = resolve(match, today, bool(back))
            if point is not None and not is_lookalike(text, point.start, point.end):
                points.append(point)
    points.sort(key=lambda point: (point.start, -point.end))
    kept: list[Point] = []
    for point in points:
        if not kept or point.start >= kept[-1].end:
            kept.append(point)
    yield from _compounds(text, kept, today, past)


def _compounds(text: str, points: list[Point], today: date, past: bool) -> Iterator[Point]:
    """Yield the points, each with what is counted from it in its place."""
    waiting: Point | None = None
    for point in points:
        prefix = _PREFIX.search(text, max(0, point.start - _PREFIX_CHARS), point.start)
        suffix = _SUFFIX.match(text, point.end)
        counted: Point | None = point
        if point.kind == "day" and prefix is not None and not _is_span(prefix):
            counted = _counted(text, prefix, point, today, past)
            if waiting is not None and waiting.end > prefix.start():
                waiting = None
        elif suffix is not None and _is_near(text, point):
            counted = _weeks_on(text, suffix, point, today, past)
        if waiting is not None:
            yield waiting
        waiting = counted
    if waiting is not None:
        yield waiting


def _is_span(prefix: re.Match[str]) -> bool:
    """Return whether it is a duration: "for two weeks from 3 May", "two days on Monday"."""
    sign, unit = prefix["sign"].lower(), prefix["unit"].lower()
    if sign == "on":
        return unit not in ("week", "fortnight") or prefix["count"] is None
    return prefix["for"] is not None or (sign == "from" and prefix["count"] is None)


def _is_near(text: str, point: Point) -> bool:
    phrase = text[point.start : point.end]
    return bool(_WEEKDAY.match(phrase) or _SOON.match(phrase))


def _coming(text: str, point: Point, today: date) -> date | None:
    """Return the day ahead that a weekday names; None on that weekday itself."""
    if not _WEEKDAY.match(text[point.start : point.end]):
        return point.first
    ahead = (point.first.weekday() - today.weekday()) % 7
    return shift(today, ahead) if ahead else None


def _weeks_on(
    text: str, suffix: re.Match[str], point: Point, today: date, past: bool
) -> Point | None:
    """Read "Monday week", "tomorrow fortnight"."""
    day = None if past else _coming(text, point, today)
    if day is None:
        return None
    days = 7 if suffix["unit"].lower() == "week" else 14
    return _at(point, point.start, suffix.end(), shift(day, days))


def _counted(
    text: str, prefix: re.Match[str], point: Point, today: date, past: bool
) -> Point | None:
    """Read "a week from Tuesday", "two days before Christmas", "the Tuesday after Easter"."""
    sign, unit = prefix["sign"].lower(), prefix["unit"].lower()
    day: date | None = point.first
    if sign.startswith("ago") or (sign == "on" and past):
        return None
    if sign in ("from", "on"):
        if any(char.isdigit() for char in text[point.start : point.end]):
            return None
        day = _coming(text, point, today)
    moved = day and _moved(day, prefix, unit, -1 if sign == "before" else 1)
    return _at(point, prefix.start(), point.end, moved) if moved else None


def _moved(day: date, prefix: re.Match[str], unit: str, sign: int) -> date | None:
    if prefix["count"] is None:
        if unit in WEEKDAY_INDEX:
            ahead = (WEEKDAY_INDEX[unit] - day.weekday()) % 7 or 7
            return shift(day, ahead if sign > 0 else (ahead - 7 or -7))
        return shift(day, sign) if unit == "day" else None
    if VAGUE_COUNT.search(prefix["count"]) or unit in WEEKDAY_INDEX or unit == "weekend":
        return None
    count = sign * count_of(prefix)
    if unit in ("month", "year"):
        return add_months(day, count * (1 if unit == "month" else 12))
    return shift(day, count * {"day": 1, "week": 7, "fortnight": 14}[unit])


def _at(point: Point, start: int, end: int, day: date) -> Point:
    noun = day_text(day)
    return replace(
        point, start=start, end=end, first=day, last=day, noun=noun, adverb=f"on {noun}",
        strict=False,
    )  # fmt: skip
