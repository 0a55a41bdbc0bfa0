"""Dates in Japanese and Chinese, as ranges of days."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final, Literal

from hitherto.core.dates.calendar import month_year, nearest_year, shift, valid_day
from hitherto.core.dates.expressions import (
    Point,
    day_point,
    day_point_or_none,
    month_point,
    unit_point,
    year_point,
)
from hitherto.core.dates.mentions import DateMention, Side, bounded_mention

EastAsian = Literal["ja", "zh"]
_DIGITS: Final = {char: number for number, char in enumerate("一二三四五六七八九", 1)} | {
    "两": 2,
    "両": 2,
}
_NUMBER: Final = r"(?:\d{1,3}|[一二三四五六七八九两十]{1,3})"
_WEEKDAYS: Final = {
    "ja": dict(zip("月火水木金土日", range(7), strict=True)),
    "zh": dict(zip("一二三四五六日", range(7), strict=True)) | {"天": 6},
}
_NEAR: Final = {
    "ja": {"一昨日": -2, "おととい": -2, "昨日": -1, "きのう": -1, "昨夜": -1, "今日": 0,
           "明日": 1, "明後日": 2, "あさって": 2},
    "zh": {"前天": -2, "昨天": -1, "昨晚": -1, "今天": 0, "今晚": 0, "明天": 1, "明晚": 1,
           "后天": 2, "後天": 2},
}  # fmt: skip
_STEPPED: Final = {
    "ja": {"先々週": (-2, "week"), "先週": (-1, "week"), "今週": (0, "week"), "来週": (1, "week"),
           "再来週": (2, "week"), "先週末": (-1, "weekend"), "今週末": (0, "weekend"),
           "来週末": (1, "weekend"), "先月": (-1, "month"), "今月": (0, "month"),
           "来月": (1, "month"), "再来月": (2, "month"), "一昨年": (-2, "year"),
           "おととし": (-2, "year"), "去年": (-1, "year"), "昨年": (-1, "year"),
           "今年": (0, "year"), "来年": (1, "year"), "再来年": (2, "year")},
    "zh": {"前年": (-2, "year"), "去年": (-1, "year"), "今年": (0, "year"), "明年": (1, "year"),
           "后年": (2, "year")},
}  # fmt: skip
_UNITS: Final = {
    "日": "day", "天": "day", "週間": "week", "週": "week", "周": "week", "星期": "week",
    "礼拜": "week", "月": "month", "年": "year",
}  # fmt: skip
_CHINESE_STEPS: Final = {"上": -1, "这": 0, "這": 0, "本": 0, "下": 1}
_YEAR: Final = r"(?<!\d)(?P<year>(?:19|20)\d{2})年"
_MONTH: Final = rf"(?P<month>{_NUMBER})月"
_COUNTER: Final = {
    "ja": r"(?P<unit>日|週間|年|[ヶケかカヵ箇]月)",
    "zh": r"(?P<unit>天|周|个?星期|个?礼拜|个月|年)",
}
_HABIT: Final = re.compile(r"(?:每个?|毎|隔|各|逢)\Z")
_RELATIVE: Final = re.compile(r"(?:の|的|之|[\d一二三四五六七八九十])\Z")
_WITHIN: Final = re.compile(r"[のから的 ]{0,2}\Z")


def _number(words: str) -> int:
    """Return the number that figures or Chinese numerals up to 99 say."""
    if words.isdecimal():
        return int(words)
    tens, ten, units = words.rpartition("十")
    value = (_DIGITS.get(tens, 1) if ten else 0) * 10
    return value + (_DIGITS.get(units[-1:], 0) if units else 0)


def _date(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    month, day = _number(match["month"]), _number(match["day"])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    year = _year_of(match, today)
    named_day = (
        nearest_year(today, month, day, past) if year is None else valid_day(year, month, day)
    )
    return day_point_or_none(match, named_day)


def _month(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    month, year = _number(match["month"]), _year_of(match, today)
    if not 1 <= month <= 12:
        return None
    return month_point(match, month_year(today, month, past) if year is None else year, month)


def _year_of(match: re.Match[str], today: date) -> int | None:
    """Return the year that a form names, in figures or as last or next year."""
    if match["year"] is not None:
        return int(match["year"])
    step = {**_STEPPED["ja"], **_STEPPED["zh"]}.get(match["rel"] or "")
    return None if step is None else today.year + step[0]


def _year(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    return year_point(match, int(match["year"]))


def _near(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    return day_point(match, shift(today, _NEAR[code][match[0]]))


def _stepped(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    step, unit = _STEPPED[code][match[0]]
    return unit_point(match, today, step, unit, past)


def _chinese_step(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    """Read 上周, 下个月, 下周五."""
    step, unit = _CHINESE_STEPS[match["step"]], _UNITS[match["unit"]]
    if match["end"]:
        return unit_point(match, today, step, "weekend", past)
    if match["weekday"]:
        monday = shift(today, 7 * step - today.weekday())
        return day_point(match, shift(monday, _WEEKDAYS["zh"][match["weekday"]]), weekday=True)
    return unit_point(match, today, step, unit, past)


def _weekday(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    weekday = _WEEKDAYS[code][match["weekday"]]
    if "rel" in match.re.groupindex and match["rel"] is not None:
        monday = shift(today, 7 * _STEPPED["ja"][match["rel"]][0] - today.weekday())
        return day_point(match, shift(monday, weekday), weekday=True)
    ahead = (weekday - today.weekday()) % 7 or 7
    return day_point(match, shift(today, (ahead - 7 or -7) if past else ahead), weekday=True)


def _moved(match: re.Match[str], today: date, past: bool, code: EastAsian) -> Point | None:
    """Read 三年前 and 2週間後; behind の or 的 it is counted from something else."""
    ago = match["sign"] == "前"
    before = match.string[max(0, match.start() - 1) : match.start()]
    if _RELATIVE.search(before) or (past and not ago):
        return None
    count = _number(match["count"]) * (-1 if ago else 1)
    unit = _UNITS[match["unit"].lstrip("个ヶケかカヵ箇")]
    if unit in ("day", "week"):
        return day_point(match, shift(today, count * (7 if unit == "week" else 1)))
    if not 1900 <= today.year + count <= 2200:
        return None
    return unit_point(match, today, count, unit, ago)


def _any(words: Mapping[str, object]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_Resolver = Callable[["re.Match[str]", date, bool, EastAsian], "Point | None"]
_JA_YEARS: Final = {word: step for word, step in _STEPPED["ja"].items() if step[1] == "year"}
_JA_WEEKS: Final = {word: step for word, step in _STEPPED["ja"].items() if step[1] == "week"}
_DAY_OF_YEAR: Final = (
    rf"(?:{_YEAR}|(?P<rel>{_any(_JA_YEARS | _STEPPED['zh'])})[の的]?)?(?<!\d){_MONTH}"
)
_FORMS: Final[Mapping[EastAsian, tuple[tuple[re.Pattern[str], _Resolver], ...]]] = {
    "ja": (
        (re.compile(rf"{_DAY_OF_YEAR}(?P<day>{_NUMBER})日(?!間)"), _date),
        (
            re.compile(rf"{_DAY_OF_YEAR}(?=[にはのからまで以頃中下上]|\Z)(?!から[の]?[にを])"),
            _month,
        ),
        (re.compile(rf"{_YEAR}(?!間|[代生])"), _year),
        (re.compile(_any(_NEAR["ja"])), _near),
        (re.compile(_any(_STEPPED["ja"])), _stepped),
        (
            re.compile(rf"(?:(?P<rel>{_any(_JA_WEEKS)})の?)?(?P<weekday>[月火水木金土日])曜日?"),
            _weekday,
        ),
        (
            re.compile(rf"(?<!\d)(?P<count>{_NUMBER}){_COUNTER['ja']}(?P<sign>前|後)(?!半)"),
            _moved,
        ),
    ),
    "zh": (
        (re.compile(rf"{_DAY_OF_YEAR}(?P<day>{_NUMBER})[日号號]"), _date),
        (re.compile(rf"{_DAY_OF_YEAR}份?(?![\d一二三四五六七八九十饼球])"), _month),
        (re.compile(rf"{_YEAR}(?![代级])"), _year),
        (re.compile(_any(_NEAR["zh"])), _near),
        (re.compile(_any(_STEPPED["zh"])), _stepped),
        (
            re.compile(
                r"(?P<step>[上这這本下])个?(?P<unit>周|星期|礼拜|月)"
                r"(?:(?P<end>末)|(?P<weekday>(?<!月)[一二三四五六日天]))?"
            ),
            _chinese_step,
        ),
        (re.compile(r"(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])"), _weekday),
        (
            re.compile(rf"(?<!\d)(?P<count>{_NUMBER}){_COUNTER['zh']}(?:之|以)?(?P<sign>前|后|後)"),
            _moved,
        ),
    ),
}
_SINCE: Final = {
    "ja": re.compile(r"から|以来|より"),
    "zh": re.compile(r"以?来|以後|以后|起|开始|至今"),
}
_UNTIL: Final = {"ja": re.compile(r"まで"), "zh": re.compile(r"(?!x)x")}
_OPENS: Final = re.compile(r"(?:从|自从?|打)\Z")
_CLOSES: Final = re.compile(r"(?:直?到|至)\Z")
_LIST: Final = {
    "ja": re.compile(
        r"[月火水木金土日]曜日?(?:(?:[、・/〜～-]|から|と|や)?[月火水木金土日]曜日?)+"
        r"|[月火水木金土日](?:[、・/〜～-][月火水木金土日])+曜?日?"
    ),
    "zh": re.compile(
        r"(?:周|星期|礼拜)[一二三四五六日天]"
        r"(?:(?:[、，,/到至和跟与-]|还有)?(?:周|星期|礼拜)?[一二三四五六日天])+"
    ),
}
_NEAR_CHARS: Final = 3


def dates_in(code: EastAsian, text: str, today: date, side: Side) -> list[DateMention]:
    """Find the dates of a text in Japanese or Chinese ("ja", "zh"), in order."""
    points: list[Point] = []
    for pattern, resolve in _FORMS[code]:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - _NEAR_CHARS) : match.start()]
            if _HABIT.search(before) is None:
                point = resolve(match, today, side == "past", code)
                points += [] if point is None else [point]
    points.sort(key=lambda point: (point.start, -point.end))
    lists = [match.span() for match in _LIST[code].finditer(text)]
    mentions: list[DateMention] = []
    for point in points:
        if mentions and point.start < mentions[-1].end:
            continue
        if not any(start < point.end and point.start < end for start, end in lists):
            mentions.append(_mention(code, text, point, today, side))
    return mentions


def _mention(code: EastAsian, text: str, point: Point, today: date, side: Side) -> DateMention:
    """Return a date with what the words around it do to it."""
    before = text[max(0, point.start - _NEAR_CHARS) : point.start]
    word = ""
    if _UNTIL[code].match(text, point.end) or (code == "zh" and _CLOSES.search(before)):
        word = "until"
    elif _SINCE[code].match(text, point.end) or (code == "zh" and _OPENS.search(before)):
        word = "since" if point.first <= today else "from"
    phrase = f"from {point.noun}" if word == "from" else point.adverb
    mention = bounded_mention(point, word, today, side) or DateMention(
        point.start, point.end, point.first, point.last, point.kind, phrase, point.noun
    )
    return replace(mention, start=point.start)
