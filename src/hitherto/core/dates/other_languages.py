"""Dates in languages other than English that part words by spaces, as ranges of days."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Final

from hitherto.core.dates.calendar import (
    day_text,
    month_end,
    month_year,
    nearest_year,
    shift,
    valid_day,
    year_of_weekday,
)
from hitherto.core.dates.expressions import (
    Point,
    day_point,
    day_point_or_none,
    month_point,
    part_of,
    unit_point,
    year_point,
)
from hitherto.core.dates.grammars import GRAMMARS, Bound, Form, FormKind, Grammar, SpacedLanguage
from hitherto.core.dates.mentions import DateMention, Side, bounded_mention
from hitherto.core.text import english_words as english
from hitherto.core.text.date_names import MONTHS, WEEKDAYS
from hitherto.core.text.languages import FUNCTION_WORDS
from hitherto.core.text.normal_form import with_plain_letters, without_accents

_PREPOSITION_CHARS: Final = 32
_AMBIGUOUS: Final = english.word_set("set mar ago out")
"""Short months that are more often another word behind a number."""
_LISTS: Final = (
    r"(?:[ ]{0,2}(?:[,/&+–-]|\b(?:und|oder|bis|y|o|al?|et|ou|au|à|e|ed|até|ao|en|of|tot|t/m)\b"
    r"|से|और|या|तक)[ ]{0,2}(?:(?:zum|am|el|los|le|il|la|na|às|op|den|de)[ ])?){1,2}"
)
_UNIT_AFTER: Final = re.compile(
    r"[ ]?(?:[€$£¥%₹°]|(?:euros?|eur|d[oó]l(?:l)?ar\w*|km|kg|kcal|m2|m²|ml|watt|francs?|reais|pesos"
    r"|personas|pessoas|persone|mensen|रुपये|रुपए)\b)",
    re.IGNORECASE,
)
_OTHER_SCRIPT: Final = re.compile(r"[\u0250-\uffff]")
_CAPITAL_AFTER: Final = re.compile(r"[ ][A-ZÄÖÜ]")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Date as it was read.

    month, day, weekday: where the form has them, else 0 or -1. bare: whether it is a weekday
    alone. strict: whether it needs a preposition. dated: whether it names its year.
    """

    point: Point
    kind: FormKind
    bound: Bound | None
    month: int = 0
    day: int = 0
    weekday: int = -1
    bare: bool = False
    strict: bool = False
    dated: bool = False


@dataclass(frozen=True, slots=True)
class _Language:
    """Grammar with its patterns and the values of its words."""

    grammar: Grammar
    forms: tuple[tuple[Form, re.Pattern[str]], ...]
    prepositions: re.Pattern[str]
    habits: re.Pattern[str]
    lists: re.Pattern[str]
    joins: re.Pattern[str]
    before: re.Pattern[str] | None
    near_before: re.Pattern[str] | None
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    counts: Mapping[str, int]
    units: Mapping[str, str]
    near: Mapping[str, tuple[int, ...]]


def dates_in(code: SpacedLanguage, text: str, today: date, side: Side) -> list[DateMention]:
    """Find the dates of a text in one of the languages of `GRAMMARS`, in order."""
    language = _LANGUAGES[code]
    text = with_plain_letters(text)
    readings = list(_join_readings(text, _readings(text, today, side, language), language))
    lists = [match.span() for match in language.lists.finditer(text)]
    mentions = []
    for reading in readings:
        listed = reading.kind == "weekday" and _reaches(lists, reading.point)
        if listed or _is_habit(text, reading, language):
            continue
        if (reading.strict and reading.bound is None) or reading.point.kind == "vague":
            continue
        mentions.append(_mention(reading, today, side))
    return mentions


def _reaches(spans: Sequence[tuple[int, int]], point: Point) -> bool:
    return any(start < point.end and point.start < end for start, end in spans)


def _readings(text: str, today: date, side: Side, language: _Language) -> list[_Reading]:
    """Return the dates of a text in order, of overlapping ones the longest."""
    readings: list[_Reading] = []
    for form, pattern in language.forms:
        for match in pattern.finditer(text):
            bound = _bound_of(text, match, language)
            past = side == "past" or bound == "since"
            reading = _RESOLVERS[form.kind](match, today, past, language)
            if reading is None:
                continue
            strict = form.strict and not reading.dated
            if _is_lookalike(text, match, form, bound, language):
                bound, strict = None, True
            readings.append(replace(reading, bound=bound, strict=strict))
    readings.sort(key=lambda reading: (reading.point.start, -reading.point.end))
    kept: list[_Reading] = []
    for reading in readings:
        if not kept or reading.point.start >= kept[-1].point.end:
            kept.append(reading)
    return kept


def _bound_of(text: str, match: re.Match[str], language: _Language) -> Bound | None:
    """Return what the preposition of a date does to it."""
    if language.grammar.behind:
        preposition = language.prepositions.match(text, match.end())
    else:
        start = max(0, match.start() - _PREPOSITION_CHARS)
        preposition = language.prepositions.search(text, start, match.start())
    name = preposition.lastgroup if preposition is not None else None
    return next((bound for bound in language.grammar.prepositions if bound == name), None)


def _is_lookalike(
    text: str, match: re.Match[str], form: Form, bound: Bound | None, language: _Language
) -> bool:
    """Return whether it is an address, an amount, or another word."""
    start = max(0, match.start() - _PREPOSITION_CHARS)
    if form.kind in ("ago", "long_ago") and bound == "since":
        return True
    if language.before is not None and language.before.search(text, start, match.start()):
        return True
    if form.kind == "near" and language.near_before is not None:
        return language.near_before.search(text, start, match.start()) is not None
    if form.kind != "year":
        return False
    counted = bound not in ("since", "until") and language.grammar is GRAMMARS["de"]
    return bool(
        _UNIT_AFTER.match(text, match.end())
        or (counted and _CAPITAL_AFTER.match(text, match.end()))
    )


def _is_habit(text: str, reading: _Reading, language: _Language) -> bool:
    if not reading.bare:
        return False
    start = reading.point.start
    return language.habits.search(text, max(0, start - _PREPOSITION_CHARS), start) is not None


def _join_readings(
    text: str, readings: Sequence[_Reading], language: _Language
) -> Iterator[_Reading]:
    """Yield the readings, with "next year in May" as one."""
    taken = -1
    for index, (first, second) in enumerate(pairwise([*readings, None])):
        if index == taken or first is None:
            continue
        inner = None
        if second is not None:
            gap = text[first.point.end : second.point.start]
            if len(gap) <= _PREPOSITION_CHARS and language.joins.fullmatch(gap):
                inner = _join(first, second) or _join(second, first)
        if inner is None or second is None:
            yield first
            continue
        taken = index + 1
        point = replace(inner, start=first.point.start, end=second.point.end)
        yield replace(first, point=point, strict=False, bare=False)


def _join(outer: _Reading, inner: _Reading) -> Point | None:
    """Return the month, day or weekday that lies in a year or week."""
    if outer.kind != "unit" or inner.dated:
        return None
    year = outer.point.first.year
    if outer.point.kind == "year" and inner.kind == "date":
        day = valid_day(year, inner.month, inner.day)
        return None if day is None else _day(inner.point, day)
    if outer.point.kind == "year" and inner.kind == "month" and inner.point.kind == "month":
        first = date(year, inner.month, 1)
        noun = f"{english.MONTHS[inner.month - 1]} {year}"
        return replace(
            inner.point, first=first, last=month_end(first), noun=noun, adverb=f"in {noun}"
        )
    if outer.point.kind == "week" and inner.bare:
        return _day(inner.point, shift(outer.point.first, inner.weekday), weekday=True)
    return None


def _day(point: Point, day: date, *, weekday: bool = False) -> Point:
    noun = day_text(day, weekday=weekday)
    return replace(point, first=day, last=day, kind="day", noun=noun, adverb=f"on {noun}")


def _mention(reading: _Reading, today: date, side: Side) -> DateMention:
    point, word = reading.point, reading.bound or "plain"
    if word == "open":
        word = "since" if point.first <= today else "from"
    phrase = f"from {point.noun}" if word == "from" else point.adverb
    mention = bounded_mention(point, word, today, side) or DateMention(
        point.start, point.end, point.first, point.last, point.kind, phrase, point.noun
    )
    return replace(mention, start=point.start)


def _part(match: re.Match[str], name: str) -> str | None:
    """Return a named part of a form, None for one that it does not have."""
    return match[name] if name in match.re.groupindex else None


def _date(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    words, year, name = match["day"].lower(), _part(match, "year"), _part(match, "weekday")
    day = language.grammar.ordinals.get(words) or (int(words) if words.isdecimal() else 0)
    month = language.months[_key(match["month"])]
    if year is not None:
        named_day = valid_day(int(year), month, day)
    elif name is not None:
        named_day = year_of_weekday(today, month, day, language.weekdays[_key(name)])
    else:
        named_day = nearest_year(today, month, day, past) if 1 <= day <= 31 else None
    point = day_point_or_none(match, named_day, weekday=name is not None)
    dated = year is not None or name is not None
    return None if point is None else _Reading(point, "date", None, month, day, dated=dated)


def _range(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    """Read "3. bis 7. Mai"."""
    reading = _date(match, today, past, language)
    if reading is None or not 1 <= int(match["begin"]) < reading.day:
        return None
    last = reading.point.last
    first = last.replace(day=int(match["begin"]))
    noun = f"{day_text(first)} to {day_text(last)}"
    point = replace(reading.point, first=first, kind="span", noun=noun, adverb=f"from {noun}")
    return replace(reading, point=point, kind="range")


def _numeric(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    day, month, year = int(match["day"]), int(match["mon"]), _part(match, "year")
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    if year is None:
        named_day = nearest_year(today, month, day, past)
    else:
        named_day = valid_day(int(year) + (2000 if len(year) == 2 else 0), month, day)
    point = day_point_or_none(match, named_day)
    if point is None:
        return None
    return _Reading(point, "numeric", None, month, day, dated=year is not None)


def _month(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    month, year = language.months[_key(match["month"])], _part(match, "year")
    part = language.grammar.part.get((_part(match, "part") or "").lower())
    named_year = month_year(today, month, past)
    dated = True
    if year is not None:
        named_year = int(year)
    elif _part(match, "last") is not None:
        named_year = today.year - (today.month <= month)
    elif _part(match, "next") is not None:
        named_year = today.year + (today.month >= month)
    else:
        dated = part is not None
    point = month_point(match, named_year, month)
    point = point if part is None else part_of(point, part)
    return _Reading(point, "month", None, month, dated=dated)


def _year(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    part = language.grammar.part.get((_part(match, "part") or "").lower())
    point = year_point(match, int(match["year"]))
    point = point if part is None else part_of(point, part)
    return _Reading(point, "year", None, dated=part is not None)


def _weekday(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    weekday = language.weekdays[_key(match["weekday"])]
    ahead = (weekday - today.weekday()) % 7 or 7
    behind = ahead - 7 or -7
    last, this, following, second = (
        _part(match, name) is not None for name in ("last", "this", "next", "second")
    )
    is_past = last or (past and not (following or second))
    day = shift(today, behind if is_past else ahead)
    bare = not (last or this or following or second)
    point = day_point(match, day, weekday=True)
    if second and ahead <= 6 - today.weekday():
        point = replace(point, kind="vague")
    return _Reading(point, "weekday", None, weekday=weekday, bare=bare, dated=not bare)


def _unit(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    unit = language.units[_key(match["unit"])]
    if unit == "day":
        return None
    last, this = _part(match, "last") is not None, _part(match, "this") is not None
    point = unit_point(match, today, -1 if last else int(not this), unit, past)
    return None if point is None else _Reading(point, "unit", None)


def _near(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    distances = language.near[_key(match["near"])]
    return _Reading(day_point(match, shift(today, distances[0 if past else -1])), "near", None)


def _ago(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    return _moved(match, today, -1, language)


def _long_ago(
    match: re.Match[str], today: date, past: bool, language: _Language
) -> _Reading | None:
    return _moved(match, today, -1, language) if past else None


def _ahead(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    return _moved(match, today, 1, language)


def _planned(match: re.Match[str], today: date, past: bool, language: _Language) -> _Reading | None:
    return None if past else _moved(match, today, 1, language)


def _moved(match: re.Match[str], today: date, sign: int, language: _Language) -> _Reading | None:
    words = match["count"]
    count = int(words) if words.isdecimal() else language.counts[_key(words)]
    unit = language.units[_key(match["unit"])]
    if unit in ("day", "week"):
        point: Point | None = day_point(
            match, shift(today, sign * count * (7 if unit == "week" else 1))
        )
    else:
        point = unit_point(match, today, sign * count, unit, sign < 0)
    return None if point is None else _Reading(point, "ago", None)


_Resolver = Callable[["re.Match[str]", date, bool, _Language], "_Reading | None"]
_RESOLVERS: Final[Mapping[FormKind, _Resolver]] = {
    "date": _date, "range": _range, "numeric": _numeric, "month": _month, "year": _year,
    "weekday": _weekday, "unit": _unit, "near": _near, "ago": _ago, "long_ago": _long_ago,
    "ahead": _ahead, "planned": _planned,
}  # fmt: skip


def _key(words: str) -> str:
    """Return a name as the tables have it: lower case, without accents and full stop."""
    return _plain(" ".join(words.lower().replace("-", " ").split()))


def _plain(word: str) -> str:
    """Return Latin letters without accents, and Hindi ones in their simpler spelling."""
    if not _OTHER_SCRIPT.search(word):
        return without_accents(word)
    return word.replace("\u095e", "फ").replace("\u093c", "").replace("म्ब", "ंब")


def _alternatives(words: Iterator[str] | Sequence[str]) -> str:
    """Return a pattern of words, the longest first, each in its spellings."""
    spellings = {
        spelling
        for word in words
        for spelling in (
            word, _plain(word), word.replace("फ\u093c", "\u095e"), word.replace("ंब", "म्ब")
        )
    }  # fmt: skip
    ordered = sorted(spellings, key=lambda word: (-len(word), word))
    return "|".join(re.escape(word) for word in ordered)


_GAP: Final = r"[ \t\u00a0]"
_LETTERS: Final = r"\w\u0900-\u0963\u0966-\u097f"
_SPACES: Final = {"?": f"{_GAP}?", "*": f"{_GAP}{{0,3}}", "": f"{_GAP}{{1,3}}"}


def _pattern(words: str) -> re.Pattern[str]:
    """Return the pattern of words of a grammar."""
    return re.compile(words, re.IGNORECASE)


def _compiled(template: str, fields: Mapping[str, str]) -> re.Pattern[str]:
    """Return the pattern of a form, which stands between other words."""
    spaced = re.sub(r"(?<!\[) ([?*]?)", lambda match: _SPACES[match[1]], template)
    filled = re.sub(r"\{([A-Za-z]+)\}", lambda match: fields[match[1]], spaced)
    return _pattern(rf"(?<!\d[./,:-])(?<![{_LETTERS}])(?:{filled})(?![{_LETTERS}])")


def _language(code: SpacedLanguage) -> _Language:
    grammar = GRAMMARS[code]
    months = {_key(form): n for n, forms in enumerate(MONTHS[code], 1) for form in forms}
    days = {_key(form): n for n, forms in enumerate(WEEKDAYS[code]) for form in forms}
    days |= {name.removesuffix(" feira"): n for name, n in days.items()}
    counts = {
        word: n for n, words in enumerate(grammar.counts.split(), 1) for word in words.split("/")
    }
    spellings = [form for forms in MONTHS[code] for form in forms if form not in _AMBIGUOUS]
    day_names = [form for forms in WEEKDAYS[code] for form in forms]
    shortened = _alternatives(day_names).replace(r"\-feira", "(?:[- ]feira)?")
    fields = {
        "D": rf"(?P<day>{'|'.join([*grammar.ordinals, '[0-9]{1,2}'])})",
        "B": r"(?P<begin>\d{1,2})",
        "m": r"(?P<mon>\d{1,2})",
        "M": rf"(?P<month>{_alternatives(spellings)})\.?",
        "L": rf"(?P<month>{_alternatives([forms[0] for forms in MONTHS[code]])})",
        "W": rf"(?P<weekday>{_alternatives(day_names)})",
        "w": rf"(?P<weekday>{shortened})",
        "N": rf"(?P<count>\d{{1,3}}|{_alternatives(list(counts))})",
        "U": rf"(?P<unit>{_alternatives(list(grammar.units))})",
        "Y": r"(?P<year>(?:19|20)\d{2})",
        "y": r"(?P<year>(?:19|20)\d{2}|\d{2})",
        "F": "|".join(sorted(FUNCTION_WORDS.get(code, ()))),
        "near": rf"(?P<near>{_alternatives(list(grammar.near))})",
    }
    bounds = "|".join(f"(?P<{bound}>{words})" for bound, words in grammar.prepositions.items())
    named_day = rf"(?:{shortened})s?(?![{_LETTERS}])"
    return _Language(
        grammar,
        tuple((form, _compiled(form.template, fields)) for form in grammar.forms),
        _pattern(
            rf"{_GAP}{{0,3}}(?:{bounds})(?![{_LETTERS}])" if grammar.behind
            else rf"(?<![{_LETTERS}])(?:{bounds}){_GAP}{{0,3}}\Z"),
        _pattern(rf"(?<![{_LETTERS}])(?:{grammar.habits}){_GAP}{{1,3}}\Z"),
        _pattern(rf"(?<![{_LETTERS}]){named_day}(?:{_LISTS}{named_day})+"),
        _pattern(rf"{_GAP}?,?{_GAP}?(?:{grammar.joins}){_GAP}?"),
        _in_front(grammar.streets),
        _in_front(grammar.no_near),
        months,
        days,
        {_key(word): count for word, count in counts.items()},
        {_key(word): unit for word, unit in grammar.units.items()},
        {_key(word): days for word, days in grammar.near.items()},
    )  # fmt: skip


def _in_front(words: str) -> re.Pattern[str] | None:
    """Return the pattern of words that stand in front of something, None for none."""
    return _pattern(rf"\b(?:{words})[ ]{{1,3}}\Z") if words else None


_LANGUAGES: Final = {code: _language(code) for code in GRAMMARS}
