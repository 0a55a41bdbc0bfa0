"""Grammar of date expressions without prepositions: "last Friday", "May", "a week ago".

A date is a range: "in May" is all of May. Seasons are those of the northern hemisphere in whole
months.

dateparser is not used here: it reads single instants, while most expressions in conversation are
ranges, and one call costs more than the whole of this module on a message.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from hitherto.core.dates.calendar import (
    add_months,
    day_text,
    month_end,
    month_year,
    nearest_year,
    shift,
    valid_day,
    year_of_weekday,
)
from hitherto.core.dates.day_words import DAY_WORD_RE, LATER_WORD_RE, LATER_WORDS, day_number
from hitherto.core.text.english_words import (
    DAY_NAMES,
    MONTH_NAMES,
    MONTHS,
    SHORT_DAYS,
    SHORT_MONTHS,
    UNITS,
)

DateKind = Literal[
    "day", "week", "weekend", "month", "season", "year", "span", "since", "before", "after", "vague"
]

SEASON_START = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}
_COUNTED = UNITS[1:13]
_NUMBERS = {word: number for number, word in enumerate(_COUNTED, start=1)}
_NUMBERS |= {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4}
VAGUE_COUNT = re.compile(r"\b(few|several)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Point:
    """Date without its preposition; a `strict` one counts only behind a preposition."""

    start: int
    end: int
    first: date
    last: date
    kind: DateKind
    noun: str
    adverb: str
    strict: bool = False


Resolver = Callable[["re.Match[str]", date, bool], "Point | None"]


def day_point(
    match: re.Match[str], day: date, *, weekday: bool = False, strict: bool = False
) -> Point:
    """Return the point of one day."""
    noun = day_text(day, weekday=weekday)
    return Point(match.start(), match.end(), day, day, "day", noun, f"on {noun}", strict)


def day_point_or_none(
    match: re.Match[str], day: date | None, *, weekday: bool = False, strict: bool = False
) -> Point | None:
    """Return the point of one day, None for None."""
    return None if day is None else day_point(match, day, weekday=weekday, strict=strict)


def month_point(match: re.Match[str], year: int, month: int, *, strict: bool = False) -> Point:
    """Return the point of a whole month."""
    first = date(year, month, 1)
    noun = f"{MONTHS[month - 1]} {year}"
    return Point(
        match.start(), match.end(), first, month_end(first), "month", noun, f"in {noun}", strict
    )


def year_point(match: re.Match[str], year: int, *, strict: bool = False) -> Point:
    """Return the point of a whole year."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    noun = str(year)
    return Point(match.start(), match.end(), first, last, "year", noun, f"in {noun}", strict)


def _week(match: re.Match[str], day: date) -> Point:
    monday = shift(day, -day.weekday())
    noun = f"the week of {day_text(monday)}"
    last = monday + timedelta(days=6)
    return Point(match.start(), match.end(), monday, last, "week", noun, f"in {noun}")


def _weekend(match: re.Match[str], day: date) -> Point:
    saturday = shift(day, 5 - day.weekday())
    noun = f"the weekend of {day_text(saturday)}"
    last = saturday + timedelta(days=1)
    return Point(match.start(), match.end(), saturday, last, "weekend", noun, f"on {noun}")


def season_point(match: re.Match[str], year: int, season: str) -> Point:
    """Return the point of a season, by the year in which it begins."""
    first = date(year, SEASON_START[season], 1)
    last = month_end(add_months(first, 2))
    noun = f"the {season} of {year}"
    return Point(match.start(), match.end(), first, last, "season", noun, f"in {noun}")


def _vague(match: re.Match[str], first: date, last: date, phrase: str) -> Point:
    return Point(match.start(), match.end(), first, last, "vague", phrase, phrase)


MONTH_INDEX = {name: number for number, name in enumerate(MONTH_NAMES, start=1)}
MONTH_INDEX |= {name: number for number, name in enumerate(SHORT_MONTHS, start=1)}
MONTH_INDEX["sept"] = 9
WEEKDAY_INDEX = {name: number for number, name in enumerate(DAY_NAMES)}
WEEKDAY_INDEX |= {name: number for number, name in enumerate(SHORT_DAYS)}
WEEKDAY_INDEX |= {"tues": 1, "thurs": 3, "thur": 3}

_S = r"[ \t]{1,3}"
_O = r"[ \t]{0,3}"
_MONTH_RE = (
    rf"(?P<month>{'|'.join(MONTH_NAMES)}"
    rf"|(?:{'|'.join(name for name in SHORT_MONTHS if name != 'may')}|sept)\b\.?)"
)
_DAY_RE = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR_RE = r"(?P<year>(?:19|20)\d{2})"
COUNT_RE = (
    rf"(?P<count>\d{{1,3}}|an?|{'|'.join(_COUNTED)}"
    rf"|a{_S}couple(?:{_S}of)?|couple(?:{_S}of)?|a{_S}few|several|few)"
)
_UNIT_RE = r"(?P<unit>minute|hour|day|night|week|fortnight|weekend|month|year|decade)s?"
_WEEKDAY_RE = rf"(?P<weekday>{'|'.join(DAY_NAMES)}|tues|thurs)"
_PART = (
    rf"(?:{_S}(?:morning|afternoon|evening|night)\b)?(?!{_S}(?:morning|afternoon|evening|night)s)"
)
_SEASON_RE = r"(?P<season>spring|summer|fall|autumn|winter)"


def _month_number(match: re.Match[str]) -> int:
    return MONTH_INDEX[match["month"].lower().rstrip(".")]


def _iso(match: re.Match[str], today: date, past: bool) -> Point | None:
    day = valid_day(int(match["year"]), int(match["mon"]), int(match["day"]))
    return day_point_or_none(match, day)


def _slashed(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read 3/14/2025 as month first, unless only the other order is a date."""
    first, second = int(match["one"]), int(match["two"])
    if match["year"] is None:
        day = (
            nearest_year(today, first, second, past) if first <= 12 and 1 <= second <= 31 else None
        )
        return day_point_or_none(match, day, strict=True)
    year = int(match["year"])
    year += 2000 if year < 100 else 0
    day = valid_day(year, first, second) or valid_day(year, second, first)
    return day_point_or_none(match, day)


def _day_month(match: re.Match[str], today: date, past: bool) -> Point | None:
    month, day, year = _month_number(match), day_number(match["day"]), match["year"]
    if year is not None:
        named_day = valid_day(int(year), month, day)
    elif match["rel"] is not None:
        named_day = valid_day(today.year + _STEP[match["rel"].lower()], month, day)
    elif match["weekday"] is not None:
        weekday = WEEKDAY_INDEX[match["weekday"].lower()]
        named_day = year_of_weekday(today, month, day, weekday) or nearest_year(
            today, month, day, past
        )
    else:
        named_day = nearest_year(today, month, day, past)
    return day_point_or_none(match, named_day, weekday=match["weekday"] is not None)


def _month_days(match: re.Match[str], today: date, past: bool) -> Point | None:
    month, year = _month_number(match), match["year"]
    if year is None:
        first = nearest_year(today, month, int(match["day"]), past)
    else:
        first = valid_day(int(year), month, int(match["day"]))
    last = first and valid_day(first.year, month, int(match["to"]))
    if first is None or last is None or last < first:
        return None
    noun = f"{day_text(first)} to {day_text(last)}"
    return Point(match.start(), match.end(), first, last, "span", noun, f"from {noun}")


def _named_month(match: re.Match[str], today: date, past: bool) -> Point | None:
    month, word = _month_number(match), match["month"]
    pre, year, rel = match["pre"], match["year"], match["rel"]
    if year is not None:
        point = month_point(match, int(year), month)
    elif rel is not None:
        point = month_point(match, today.year + _STEP[rel.lower()], month)
    elif pre is not None and pre.lower().startswith(("last", "past")):
        back = today.month <= month
        point = month_point(match, today.year - back, month)
    elif pre is not None and pre.lower().startswith("next"):
        point = month_point(match, today.year + (today.month >= month), month)
    else:
        usual = word.istitle() and len(word.rstrip(".")) > 3 and word not in {"March", "May"}
        strict = not usual and pre is None
        point = month_point(match, month_year(today, month, past), month, strict=strict)
    part = match["part"]
    return part_of(point, part.lower()) if part is not None else point


def _end_of(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read "the end of the week", of the month, of the year."""
    point = unit_point(
        match, today, int(match["rel"].lower() == "next"), match["unit"].lower(), past
    )
    if point is None or point.kind == "week":
        return None if point is None else day_point(match, point.last)
    return part_of(point, "end")


def part_of(point: Point, part: str) -> Point:
    """Narrow a month or a year to its beginning, middle or end (thirds)."""
    days = (point.last - point.first).days + 1
    if "end" in part:
        noun, last = f"the end of {point.noun}", point.last
        return replace(point, first=last, kind="day", noun=noun, adverb=f"at {noun}", strict=False)
    if "mid" in part:
        name, begin, end = "mid", days // 3, 2 * days // 3 - 1
    elif "late" in part:
        name, begin, end = "late", 2 * days // 3, days - 1
    else:
        name, begin, end = "early", 0, days // 3 - 1
    noun = f"{name}{'-' if name == 'mid' else ' '}{point.noun}"
    return replace(
        point,
        first=point.first + timedelta(days=begin),
        last=point.first + timedelta(days=end),
        kind="span",
        noun=noun,
        adverb=f"in {noun}",
        strict=False,
    )


def _named_year(match: re.Match[str], today: date, past: bool) -> Point | None:
    point = year_point(match, int(match["year"]), strict=match["part"] is None)
    return part_of(point, match["part"].lower()) if match["part"] is not None else point


def _decade(match: re.Match[str], today: date, past: bool) -> Point | None:
    number = int(match["decade"])
    first = number if number > 100 else number + (1900 if number >= 30 else 2000)
    noun = f"the {first}s"
    last = date(first + 9, 12, 31)
    return Point(
        match.start(), match.end(), date(first, 1, 1), last, "span", noun, f"in {noun}", True
    )


def _weekday(match: re.Match[str], today: date, past: bool) -> Point | None:
    number = WEEKDAY_INDEX[match["weekday"].lower()]
    pre = " ".join((match["pre"] or "").lower().split())
    ahead = (number - today.weekday()) % 7 or 7
    behind = (today.weekday() - number) % 7 or 7
    rel = (match["rel"] or "").lower()
    if rel:
        monday = shift(today, -today.weekday())
        return day_point(match, shift(monday, 7 * _STEP[rel] + number), weekday=True)
    if pre in {"last", "this past", "past"}:
        return day_point(match, shift(today, -behind), weekday=True)
    if pre == "next":
        return day_point(match, shift(today, ahead), weekday=True)
    if pre in {"this coming", "coming"} or not past:
        ahead = 0 if pre == "this" and ahead == 7 else ahead
        return day_point(match, shift(today, ahead), weekday=True)
    return day_point(match, shift(today, -behind), weekday=True)


_STEP = {"last": -1, "past": -1, "previous": -1, "this": 0, "next": 1, "coming": 1, "following": 1}
_NEAR_DAYS = {
    "yesterday": -1, "last night": -1, "today": 0, "tonight": 0, "tomorrow": 1,
    "this morning": 0, "this afternoon": 0, "this evening": 0,
    "the day before yesterday": -2, "the day after tomorrow": 2, "the night before last": -2,
}  # fmt: skip


def _near(match: re.Match[str], today: date, past: bool) -> Point | None:
    words = " ".join(match["near"].lower().split())
    return day_point(match, shift(today, _NEAR_DAYS[words]))


def _recent(match: re.Match[str], today: date, past: bool) -> Point | None:
    words = match["recent"].lower()
    if words == "these days":
        return _vague(match, today, today, f"as of {day_text(today)}")
    phrase = "around" if words == "lately" else "shortly before"
    return _vague(match, shift(today, -7), shift(today, -1), f"{phrase} {day_text(today)}")


def _stepped(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read "last", "this" or "next" with a week, weekend, month, year or season."""
    step, unit = _STEP[match["step"].lower().split()[-1]], match["unit"].lower()
    if match["twice"] is not None:
        step *= 2
    return unit_point(match, today, step, unit, past)


def _beyond(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read "the week before last", "the month after next"."""
    step = -2 if match["dir"].lower() == "before" else 2
    return unit_point(match, today, step, match["unit"].lower(), past)


def unit_point(match: re.Match[str], today: date, step: int, unit: str, past: bool) -> Point | None:
    """Return the week, weekend, month, year or season that is `step` ones away."""
    if unit == "week":
        return _week(match, shift(today, 7 * step))
    if unit == "weekend":
        if step == 0 and past and today.weekday() < 4:
            step = -1
        if step < 0 and today.weekday() == 6:
            return _weekend(match, shift(today, 7 * step))
        return _weekend(match, shift(today, 7 * step))
    if unit == "month":
        moved = add_months(today, step)
        return month_point(match, moved.year, moved.month)
    if unit == "year":
        return year_point(match, today.year + step)
    return stepped_season(match, today, step, unit)


def stepped_season(match: re.Match[str], today: date, step: int, season: str) -> Point:
    """Return the season `step` ones away: 0 is the current or coming one."""
    starts = [date(today.year + off, SEASON_START[season], 1) for off in (-2, -1, 0, 1, 2)]
    ends = [month_end(add_months(start, 2)) for start in starts]
    if step < 0:
        past = [start for start, end in zip(starts, ends, strict=True) if end < today]
        return season_point(match, past[step].year, season)
    ahead = [start for start, end in zip(starts, ends, strict=True) if end >= today]
    begun = ahead[0] <= today
    return season_point(match, ahead[1 if step > 0 and begun else 0].year, season)


def _bare_season(match: re.Match[str], today: date, past: bool) -> Point | None:
    season = match["season"].lower()
    if match["year"] is not None:
        return season_point(match, int(match["year"]), season)
    if match["rel"] is not None:
        return season_point(match, today.year + _STEP[match["rel"].lower()], season)
    if not match["the"]:
        return None
    return stepped_season(match, today, -1 if past else 0, season)


def count_of(match: re.Match[str]) -> int:
    """Return the number that a count says, in figures or words."""
    words = match["count"].lower()
    if words.isdigit():
        return int(words)
    return _NUMBERS[next(word for word in reversed(words.split()) if word != "of")]


def _moved(match: re.Match[str], today: date, past: bool) -> Point | None:
    """Read "two weeks ago", "in three days", as exactly as the unit and "a few" say."""
    sign = -1 if match["sign"].lower() in {"ago", "back"} else 1
    return _offset(match, today, sign)


def _ahead(match: re.Match[str], today: date, past: bool) -> Point | None:
    """ "in two weeks" is a date in a plan and a duration in a story."""
    return None if past else _offset(match, today, 1)


def _offset(match: re.Match[str], today: date, sign: int) -> Point | None:
    count, unit = count_of(match), match["unit"].lower()
    if unit in {"minute", "hour"}:
        return day_point(match, today)
    if VAGUE_COUNT.search(match["count"]):
        return _vague_offset(match, today, sign, unit)
    if unit in {"day", "night"}:
        return day_point(match, shift(today, sign * count))
    if unit == "decade":
        unit, count = "year", count * 10
    if unit in {"week", "fortnight"}:
        return day_point(match, shift(today, sign * _DAYS_IN[unit] * count))
    if unit == "year" and not 1900 <= today.year + sign * count <= 2200:
        return None
    return unit_point(match, today, sign * count, unit, sign < 0)


_DAYS_IN = {
    "day": 1,
    "night": 1,
    "week": 7,
    "fortnight": 14,
    "weekend": 7,
    "month": 30,
    "year": 365,
    "decade": 3650,
}


def _vague_offset(match: re.Match[str], today: date, sign: int, unit: str) -> Point:
    near, far = (shift(today, sign * _DAYS_IN[unit] * n) for n in (2, 5))
    first, last = min(near, far), max(near, far)
    if unit in {"month", "year", "decade"}:
        first, last = first.replace(day=1), month_end(last)
    if unit in {"year", "decade"}:
        first, last = first.replace(month=1), last.replace(month=12, day=31)
    same = "" if unit in {"day", "night"} else f" {unit}s"
    where = "before" if sign < 0 else "after"
    noun = f"a few{same or ' days'} {where} {day_text(today)}"
    return _vague(match, first, last, noun)


def _lasting(match: re.Match[str], today: date, past: bool) -> Point | None:
    """ "(for) the past three months": ends today."""
    unit = match["unit"].lower()
    count = count_of(match) if match["count"] else 1
    if unit in {"month", "year", "decade"}:
        first = add_months(today, -count * {"month": 1, "year": 12, "decade": 120}[unit])
    else:
        first = shift(today, -count * _DAYS_IN.get(unit, 1))
    noun = f"{day_text(first)} to {day_text(today)}"
    return Point(match.start(), match.end(), first, today, "span", noun, f"from {noun}")


def _ordinal(match: re.Match[str], today: date, past: bool) -> Point | None:
    """ "the 14th", "the 3rd of next month"."""
    day, rel = day_number(match["day"]), match["rel"]
    month = today.replace(day=1)
    if rel is not None:
        month = add_months(month, _STEP.get(rel.lower(), 0))
    elif match["weekday"] is not None:
        weekday = WEEKDAY_INDEX[match["weekday"].lower()]
        return day_point_or_none(match, _day_of_weekday(month, day, weekday, today, past))
    elif past and day > today.day:
        month = add_months(month, -1)
    elif not past and day < today.day:
        month = add_months(month, 1)
    named_day = valid_day(month.year, month.month, day)
    return day_point_or_none(match, named_day, strict=rel is None)


def _day_of_weekday(month: date, day: int, weekday: int, today: date, past: bool) -> date | None:
    """Return the nearest such day of a month that falls on a weekday, on one side."""
    for step in range(4):
        moved = add_months(month, -step if past else step)
        named_day = valid_day(moved.year, moved.month, day)
        if named_day is None or named_day.weekday() != weekday:
            continue
        if named_day == today or (named_day < today) == past:
            return named_day
    return None


_REL_YEAR = rf"(?:{_S}(?P<rel>last|this|next){_S}year\b)?"
OPT_YEAR = rf"(?:,?{_S}(?:of{_S})?{_YEAR_RE}(?!\d))?"
_PARTS = rf"(?:the{_S})?(?P<part>early|mid|late|(?:beginning|start|middle|end){_S}of)(?:{_S}|-)"


def compile_form(pattern: str) -> re.Pattern[str]:
    """Return the pattern of a form that stands between other words."""
    return re.compile(rf"\b(?:{pattern})(?!\w)", re.IGNORECASE)


RULES: tuple[tuple[re.Pattern[str], Resolver], ...] = (
    (compile_form(r"(?P<year>(?:19|20)\d{2})-(?P<mon>\d{2})-(?P<day>\d{2})"), _iso),
    (
        compile_form(r"(?P<one>\d{1,2})/(?P<two>\d{1,2})(?:/(?P<year>\d{4}|\d{2}))?(?![/\d])"),
        _slashed,
    ),
    (
        compile_form(
            rf"(?:{_WEEKDAY_RE},?{_S})?(?:the{_S})?{_DAY_RE}{_S}(?:of{_S})?{_MONTH_RE}"
            rf"{OPT_YEAR}{_REL_YEAR}"
        ),
        _day_month,
    ),
    (
        compile_form(
            rf"(?:{_WEEKDAY_RE},?{_S})?(?:the{_S})?{DAY_WORD_RE}{_S}of{_S}{_MONTH_RE}"
            rf"{OPT_YEAR}{_REL_YEAR}"
        ),
        _day_month,
    ),
    (
        compile_form(
            rf"(?:{_WEEKDAY_RE},?{_S})?{_MONTH_RE}{_S}(?:the{_S})?{_DAY_RE}(?!\d|[:%])"
            rf"{OPT_YEAR}{_REL_YEAR}"
        ),
        _day_month,
    ),
    (
        compile_form(
            rf"(?:{_WEEKDAY_RE},?{_S})?{_MONTH_RE}{_S}(?:the{_S})?{LATER_WORD_RE}"
            rf"{OPT_YEAR}{_REL_YEAR}"
        ),
        _day_month,
    ),
    (
        compile_form(
            rf"{_MONTH_RE}{_S}{_DAY_RE}{_O}(?:-|–|to|through){_O}(?P<to>\d{{1,2}})"
            rf"(?:st|nd|rd|th)?(?!\d){OPT_YEAR}"
        ),
        _month_days,
    ),
    (
        compile_form(
            rf"{_DAY_RE}{_O}(?:-|–|to|through){_O}(?P<to>\d{{1,2}})(?:st|nd|rd|th)?"
            rf"{_S}(?:of{_S})?{_MONTH_RE}{OPT_YEAR}"
        ),
        _month_days,
    ),
    (
        compile_form(
            rf"(?:{_PARTS})?(?:(?P<pre>last|past|next|this){_S})?{_MONTH_RE}{OPT_YEAR}{_REL_YEAR}"
        ),
        _named_month,
    ),
    (compile_form(rf"(?:{_PARTS})?{_YEAR_RE}(?![-/.,:]?\d)"), _named_year),
    (
        compile_form(rf"the{_S}end{_S}of{_S}(?P<rel>the|this|next){_S}(?P<unit>week|month|year)"),
        _end_of,
    ),
    (compile_form(rf"the{_S}(?:early{_S}|late{_S}|mid-?)?'?(?P<decade>(?:19|20)?\d0)'?s"), _decade),
    (
        compile_form(
            rf"(?:(?P<pre>this{_S}coming|this{_S}past|last|past|this|next|coming){_S})?"
            rf"{_WEEKDAY_RE}(?:{_S}(?P<rel>last|this|next){_S}week\b)?{_PART}"
            rf"(?!,?{_S}(?:the{_S})?\d{{1,2}}(?:st|nd|rd|th))"
        ),
        _weekday,
    ),
    (
        compile_form(
            rf"(?:on|(?P<pre>last|this|next)){_S}(?P<weekday>{'|'.join(SHORT_DAYS)}|thur)\b\.?"
            r"(?P<rel>\Z(?!\Z))?"
        ),
        _weekday,
    ),
    (
        compile_form(
            rf"(?P<near>the{_S}day{_S}before{_S}yesterday|the{_S}day{_S}after{_S}tomorrow"
            rf"|the{_S}night{_S}before{_S}last|yesterday|last{_S}night|today|tonight|tomorrow"
            rf"|this{_S}(?:morning|afternoon|evening)){_PART}"
        ),
        _near,
    ),
    (compile_form(r"(?P<recent>recently|lately|the other day|these days)"), _recent),
    (
        compile_form(
            rf"(?P<twice>the{_S}week{_S}before{_S})?(?:the{_S})?(?P<step>last|this{_S}past"
            rf"|this{_S}coming|past|previous|this|next|coming|following){_S}"
            r"(?P<unit>week|weekend|month|year|spring|summer|fall|autumn|winter)"
        ),
        _stepped,
    ),
    (
        compile_form(
            rf"the{_S}(?P<unit>week|weekend|month|year){_S}(?P<dir>before|after){_S}(?:last|next)"
        ),
        _beyond,
    ),
    (compile_form(rf"(?P<the>the{_S})?{_SEASON_RE}{OPT_YEAR}{_REL_YEAR}"), _bare_season),
    (
        compile_form(
            rf"{COUNT_RE}{_S}{_UNIT_RE}{_S}(?P<sign>ago|back|from{_S}(?:now|today)|later)"
        ),
        _moved,
    ),
    (compile_form(rf"(?:in|within){_S}(?:about{_S})?{COUNT_RE}{_S}{_UNIT_RE}"), _ahead),
    (
        compile_form(
            rf"the{_S}(?:last|past){_S}(?:{COUNT_RE}{_S})?"
            r"(?P<unit>day|night|week|month|year|decade)s?"
        ),
        _lasting,
    ),
    (
        compile_form(
            rf"(?:{_WEEKDAY_RE},?{_S}(?:the{_S})?|the{_S})(?P<day>\d{{1,2}}(?=[snrt][tdh])|{LATER_WORDS})"
            rf"(?:st|nd|rd|th)?(?:{_S}of{_S}(?P<rel>last|this|next|the){_S}month\b)?"
        ),
        _ordinal,
    ),
)
