"""Days of the calendar: moving by days and months, spelling out, finding the nearest one.

All arithmetic is on the proleptic Gregorian calendar with weeks from Monday to Sunday.
"""

from calendar import monthrange
from datetime import date

from hitherto.core.text.english_words import MONTHS, WEEKDAYS

EARLIEST = date(1900, 1, 1)
"""First day of a range without a beginning, as in "before 2019"."""


def day_text(day: date, *, weekday: bool = False) -> str:
    """Spell a day out: "14 March 2025", or "Friday, 14 March 2025"."""
    text = f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{WEEKDAYS[day.weekday()]}, {text}" if weekday else text


def add_months(day: date, months: int) -> date:
    """Move a day by whole months, to the last day of a shorter month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = min(max(index // 12, 1), 9999), index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def shift(day: date, days: int) -> date:
    """Move a day by days, kept between `EARLIEST` and the year before the calendar ends."""
    ordinal = min(max(day.toordinal() + days, EARLIEST.toordinal()), date.max.toordinal() - 366)
    return date.fromordinal(ordinal)


def month_end(day: date) -> date:
    """Return the last day of the day's month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def valid_day(year: int, month: int, day: int) -> date | None:
    """Return a day, None if the calendar does not have it."""
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    return date(year, month, day)


def nearest_year(today: date, month: int, day: int, past: bool) -> date | None:
    """Return the nearest such day of a year, past or future; today is both."""
    nearest = valid_day(today.year, month, day)
    if nearest is None:
        return valid_day(
            today.year + (-today.year % 4 if not past else -(today.year % 4)), month, day
        )
    if past and nearest > today:
        return valid_day(today.year - 1, month, day)
    if not past and nearest < today:
        return valid_day(today.year + 1, month, day)
    return nearest


def year_of_weekday(today: date, month: int, day: int, weekday: int) -> date | None:
    """Return the day of last, this or next year that falls on a weekday."""
    for step in (0, -1, 1):
        named_day = valid_day(today.year + step, month, day)
        if named_day is not None and named_day.weekday() == weekday:
            return named_day
    return None


def month_year(today: date, month: int, past: bool) -> int:
    """Return the year of the nearest such month; the current month is both past and future."""
    if past:
        return today.year if month <= today.month else today.year - 1
    return today.year if month >= today.month else today.year + 1


def easter(year: int) -> date:
    """Return Easter Sunday by the anonymous Gregorian computus (Meeus, Jones, Butcher)."""
    century, rest = divmod(year, 100)
    leap, part = divmod(century, 4)
    epact = (19 * (year % 19) + century - leap - (8 * century + 13) // 25 + 15) % 30
    weekday = (32 + 2 * part + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
