"""English names of holidays as dates."""

import re
from datetime import date, timedelta

from hitherto.core.dates.calendar import easter
from hitherto.core.dates.expressions import OPT_YEAR, Point, Resolver, compile_form, day_point

HOLIDAYS = {
    "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25),
    "new year's eve": (12, 31), "new year's day": (1, 1), "halloween": (10, 31),
    "easter": (0, 0), "valentine's day": (2, 14), "thanksgiving": (11, 0),
}  # fmt: skip


def holiday_day(name: str, year: int) -> date:
    """Return the day of a holiday in a year."""
    month, day = HOLIDAYS[name]
    if not month:
        return easter(year)
    if day:
        return date(year, month, day)
    first = date(year, month, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21)


def _holiday(match: re.Match[str], today: date, past: bool) -> Point | None:
    name, pre = match["holiday"].lower().replace("’", "'"), (match["pre"] or "").lower()
    past = past if pre in {"", "this"} else pre == "last"
    if match["year"] is not None:
        return day_point(match, holiday_day(name, int(match["year"])))
    day = holiday_day(name, today.year)
    if past and day >= today:
        day = holiday_day(name, today.year - 1)
    elif not past and day < today:
        day = holiday_day(name, today.year + 1)
    return day_point(match, day, strict=not pre)


HOLIDAY_RULE: tuple[re.Pattern[str], Resolver] = (
    compile_form(
        r"(?:(?P<pre>last|this|next)[ \t]{1,3})?(?P<holiday>christmas(?:[ \t]{1,3}(?:eve|day))?"
        r"|new[ \t]{1,3}year['’]s[ \t]{1,3}(?:eve|day)|halloween|easter"
        rf"|valentine['’]s[ \t]{{1,3}}day|thanksgiving){OPT_YEAR}"
    ),
    _holiday,
)
