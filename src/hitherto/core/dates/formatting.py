"""Instants and days as people write them: "Monday, January 6th, 2025 at 3:45 PM EST".

English always: the text is for a language model, so the machine's locale has no say.
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hitherto.core.text.english_words import MONTHS, WEEKDAYS
from hitherto.errors import ValidationError

_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,39}(?:/[A-Za-z0-9_+-]{1,40}){0,3}")
"""Form of all IANA names. Other texts are not looked up: a long one with dots and a slash would
be imported, package within package, until Python's stack ends."""

ORDINAL_ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def zone_of(timezone: str | ZoneInfo) -> ZoneInfo:
    """Return the time zone of an IANA name. Raises ValidationError for other names."""
    if isinstance(timezone, ZoneInfo):
        return timezone
    if _ZONE_NAME.fullmatch(timezone) is not None:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(timezone)
    raise ValidationError(
        f"timezone {timezone!r} is not an IANA time zone; use a name such as"
        " 'UTC' or 'America/New_York'"
    )


def stored_zone(name: str | None) -> ZoneInfo:
    """Return the zone of a stored name; UTC for none.

    It was checked when it was stored, perhaps by newer data on zones: UTC for an unknown one, too.
    """
    if name is not None:
        with suppress(ValidationError):
            return zone_of(name)
    return ZoneInfo("UTC")


def in_zone(instant: datetime, zone: tzinfo) -> datetime:
    """Return an instant in a zone; unchanged where the calendar ends."""
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant.isoformat()} has no time zone")
    try:
        return instant.astimezone(zone)
    except OverflowError:  # the first and the last day that a datetime can hold
        return instant


def day_beside(instant: datetime, other: datetime) -> date:
    """Return the day of an instant in the zone of another one."""
    return instant.date() if other.tzinfo is None else in_zone(instant, other.tzinfo).date()


@lru_cache(maxsize=16_384)
def local_timestamp(instant: datetime, timezone: str | ZoneInfo) -> str:
    """Write an instant in a time zone: "Monday, January 6th, 2025 at 3:45 PM EST".

    A zone without letters in its abbreviation shows its offset: "UTC-03:00". Raises ValidationError
    for an unknown zone, ValueError for an instant without a time zone.
    """
    local = in_zone(instant, zone_of(timezone))
    noon = "AM" if local.hour < 12 else "PM"
    clock = f"{local.hour % 12 or 12}:{local.minute:02d} {noon}"
    return f"{calendar_day(local.date())} at {clock} {_abbreviation(local)}"


def local_day(instant: datetime, timezone: str | ZoneInfo) -> str:
    """Write the day of an instant in a time zone: "Monday, January 6th, 2025"."""
    return calendar_day(in_zone(instant, zone_of(timezone)).date())


def local_now(instant: datetime, timezone: str | ZoneInfo) -> str:
    """Write an instant to reckon from: "Saturday 14 March 2026, 10:32 (Europe/Berlin)"."""
    zone = zone_of(timezone)
    local = in_zone(instant, zone)
    day = f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}"
    return f"{day}, {local.hour:02d}:{local.minute:02d} ({zone.key})"


def local_date(instant: datetime, timezone: str | ZoneInfo) -> date:
    """Return the day of an instant in a time zone."""
    return in_zone(instant, zone_of(timezone)).date()


def short_local_day(instant: datetime, timezone: str | ZoneInfo) -> str:
    """Write the day of an instant in a time zone: "Mon 06 Jan 2025"."""
    return short_day(in_zone(instant, zone_of(timezone)).date())


@lru_cache(maxsize=4096)
def short_day(day: date) -> str:
    """Write a calendar day: "Mon 06 Jan 2025"."""
    weekday, month = WEEKDAYS[day.weekday()][:3], MONTHS[day.month - 1][:3]
    return f"{weekday} {day.day:02d} {month} {day.year}"


@lru_cache(maxsize=16_384)
def event_days(start: datetime, end: datetime, *, join_same: bool = False) -> str:
    """Write the days of an event: "Monday, January 6th, 2025 to Friday, January 10th, 2025".

    Event dates are calendar days kept as UTC instants. A calendar day is the same everywhere, as a
    birthday is, so no zone is applied: midnight UTC shown in New York would be the day before.
    join_same: an event of one day shows that day once.
    """
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    if join_same and first == last:
        return calendar_day(first)
    return f"{calendar_day(first)} to {calendar_day(last)}"


@lru_cache(maxsize=16_384)
def short_event_days(start: datetime, end: datetime) -> str:
    """Write the days of an event in short, one day once."""
    return short_days(start.astimezone(UTC).date(), end.astimezone(UTC).date())


@lru_cache(maxsize=16_384)
def short_days(first: date, last: date) -> str:
    """Write days in short, one day once: "Mon 06 to Fri 10 Jan 2025"."""
    if first == last:
        return short_day(first)
    start = short_day(first)
    if first.year == last.year:
        start = start.rsplit(" ", 2 if first.month == last.month else 1)[0]
    return f"{start} to {short_day(last)}"


@lru_cache(maxsize=4096)
def calendar_day(day: date) -> str:
    """Write a calendar day: "Monday, January 6th, 2025"."""
    ending = ORDINAL_ENDINGS.get(day.day, "th")
    return f"{WEEKDAYS[day.weekday()]}, {MONTHS[day.month - 1]} {day.day}{ending}, {day.year}"


def _abbreviation(local: datetime) -> str:
    name = local.tzname() or ""
    if any(letter.isalpha() for letter in name):
        return name
    minutes = (local.utcoffset() or timedelta()) // timedelta(minutes=1)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
