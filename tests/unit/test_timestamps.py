"""Instants and days as people write them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from hitherto.core.dates.formatting import (
    calendar_day,
    event_days,
    local_day,
    local_timestamp,
    zone_of,
)
from hitherto.errors import ValidationError

AFTERNOON = datetime(2025, 1, 6, 20, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "Monday, January 6th, 2025 at 8:45 PM UTC"),
        ("America/New_York", "Monday, January 6th, 2025 at 3:45 PM EST"),
        ("Asia/Kolkata", "Tuesday, January 7th, 2025 at 2:15 AM IST"),
        ("America/Sao_Paulo", "Monday, January 6th, 2025 at 5:45 PM UTC-03:00"),
        ("Asia/Kathmandu", "Tuesday, January 7th, 2025 at 2:30 AM UTC+05:45"),
        ("Etc/GMT+5", "Monday, January 6th, 2025 at 3:45 PM UTC-05:00"),
        ("America/St_Johns", "Monday, January 6th, 2025 at 5:15 PM NST"),
    ],
)
def test_an_instant_is_written_in_its_zone(zone: str, expected: str) -> None:
    assert local_timestamp(AFTERNOON, zone) == expected
    assert local_timestamp(AFTERNOON, ZoneInfo(zone)) == expected


def test_an_instant_kept_in_another_zone_is_the_same_instant() -> None:
    tokyo = AFTERNOON.astimezone(timezone(timedelta(hours=9)))
    assert local_timestamp(tokyo, "America/New_York") == "Monday, January 6th, 2025 at 3:45 PM EST"


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2025, 3, 9, 6, 59, tzinfo=UTC), "Sunday, March 9th, 2025 at 1:59 AM EST"),
        (datetime(2025, 3, 9, 7, 0, tzinfo=UTC), "Sunday, March 9th, 2025 at 3:00 AM EDT"),
        (datetime(2025, 11, 2, 5, 30, tzinfo=UTC), "Sunday, November 2nd, 2025 at 1:30 AM EDT"),
        (datetime(2025, 11, 2, 6, 30, tzinfo=UTC), "Sunday, November 2nd, 2025 at 1:30 AM EST"),
    ],
)
def test_daylight_saving_time_moves_the_clock_and_the_abbreviation(
    instant: datetime, expected: str
) -> None:
    assert local_timestamp(instant, "America/New_York") == expected


@pytest.mark.parametrize(
    ("hour", "expected"),
    [(0, "12:05 AM"), (1, "1:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")],
)
def test_the_clock_has_twelve_hours_and_no_leading_zero(hour: int, expected: str) -> None:
    assert f" at {expected} UTC" in local_timestamp(
        datetime(2025, 1, 6, hour, 5, tzinfo=UTC), "UTC"
    )


def test_days_have_their_ordinal_endings() -> None:
    special = {1: "1st", 2: "2nd", 3: "3rd", 21: "21st", 22: "22nd", 23: "23rd", 31: "31st"}
    for day in range(1, 32):
        expected = special.get(day, f"{day}th")
        assert f"January {expected}, 2025" in calendar_day(date(2025, 1, day))


def test_the_day_of_an_instant_depends_on_the_zone() -> None:
    assert local_day(AFTERNOON, "America/New_York") == "Monday, January 6th, 2025"
    assert local_day(AFTERNOON, "Asia/Tokyo") == "Tuesday, January 7th, 2025"


def test_event_days_are_utc_days_and_never_move() -> None:
    start = datetime(2025, 1, 6, tzinfo=UTC)
    end = datetime(2025, 1, 10, 23, 59, 59, tzinfo=UTC)
    week = "Monday, January 6th, 2025 to Friday, January 10th, 2025"
    assert event_days(start, end) == week
    elsewhere = ZoneInfo("America/New_York")
    assert event_days(start.astimezone(elsewhere), end.astimezone(elsewhere)) == week


def test_an_event_of_one_day_is_a_range_unless_joined() -> None:
    start = datetime(2025, 1, 6, tzinfo=UTC)
    end = datetime(2025, 1, 6, 23, 59, 59, tzinfo=UTC)
    day = "Monday, January 6th, 2025"
    assert event_days(start, end) == f"{day} to {day}"
    assert event_days(start, end, join_same=True) == day
    assert " to " in event_days(start, end + timedelta(days=1), join_same=True)


@pytest.mark.parametrize(
    "name",
    ["", "America", "Mars/Olympus", "../zone", "\0", "x" * 300, "a." * 512 + "/x", "1/" * 512],
)
def test_a_name_that_is_no_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match="IANA") as caught:
        zone_of(name)
    assert repr(name) in caught.value.message


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        local_timestamp(AFTERNOON.replace(tzinfo=None), "UTC")


def test_the_ends_of_the_calendar_can_be_written() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert local_timestamp(last, "Asia/Tokyo") == "Friday, December 31st, 9999 at 11:59 PM UTC"
    first = datetime.min.replace(tzinfo=UTC)
    assert local_timestamp(first, "America/New_York") == "Monday, January 1st, 1 at 12:00 AM UTC"
