"""Dates named in text: which days they cover and how they are written out."""

from datetime import date

import pytest

from hitherto.core.dates.calendar import EARLIEST, add_months, day_text
from hitherto.core.dates.mentions import Direction, find_dates

FRIDAY = date(2025, 3, 14)

PAST = [
    ("yesterday", "2025-03-13", "2025-03-13", "on 13 March 2025"),
    ("last Friday", "2025-03-07", "2025-03-07", "on Friday, 7 March 2025"),
    ("on Tuesday", "2025-03-11", "2025-03-11", "on Tuesday, 11 March 2025"),
    ("two weeks ago", "2025-02-28", "2025-02-28", "on 28 February 2025"),
    ("about a month ago", "2025-02-01", "2025-02-28", "in February 2025"),
    ("three years ago", "2022-01-01", "2022-12-31", "in 2022"),
    ("last week", "2025-03-03", "2025-03-09", "in the week of 3 March 2025"),
    ("two weekends ago", "2025-03-01", "2025-03-02", "on the weekend of 1 March 2025"),
    ("last month", "2025-02-01", "2025-02-28", "in February 2025"),
    ("in May", "2024-05-01", "2024-05-31", "in May 2024"),
    ("in March", "2025-03-01", "2025-03-31", "in March 2025"),
    ("in May 2023", "2023-05-01", "2023-05-31", "in May 2023"),
    ("on 7 May", "2024-05-07", "2024-05-07", "on 7 May 2024"),
    ("on May 7th, 2023", "2023-05-07", "2023-05-07", "on 7 May 2023"),
    ("in 2019", "2019-01-01", "2019-12-31", "in 2019"),
    ("since March", "2025-03-01", "2025-03-14", "since March 2025"),
    ("since last Friday", "2025-03-07", "2025-03-14", "since Friday, 7 March 2025"),
    ("last summer", "2024-06-01", "2024-08-31", "in the summer of 2024"),
    ("last Christmas", "2024-12-25", "2024-12-25", "on 25 December 2024"),
    ("since Easter", "2024-03-31", "2025-03-14", "since 31 March 2024"),
    ("recently", "2025-03-07", "2025-03-13", "shortly before 14 March 2025"),
    ("2024-12-01", "2024-12-01", "2024-12-01", "on 1 December 2024"),
    ("3/7/2025", "2025-03-07", "2025-03-07", "on 7 March 2025"),
    ("before 2019", str(EARLIEST), "2018-12-31", "before 2019"),
    ("between March and June", "2024-03-01", "2024-06-30", "between March 2024 and June 2024"),
    ("from 2018 until 2022", "2018-01-01", "2022-12-31", "from 2018 to 2022"),
    ("on the 3rd", "2025-03-03", "2025-03-03", "on 3 March 2025"),
    ("in the 1990s", "1990-01-01", "1999-12-31", "in the 1990s"),
]
FUTURE = [
    ("tomorrow", "2025-03-15", "2025-03-15", "on 15 March 2025"),
    ("tonight", "2025-03-14", "2025-03-14", "on 14 March 2025"),
    ("on Friday", "2025-03-21", "2025-03-21", "on Friday, 21 March 2025"),
    ("this weekend", "2025-03-15", "2025-03-16", "on the weekend of 15 March 2025"),
    ("next month", "2025-04-01", "2025-04-30", "in April 2025"),
    ("in May", "2025-05-01", "2025-05-31", "in May 2025"),
    ("on the 20th", "2025-03-20", "2025-03-20", "on 20 March 2025"),
    ("on the 3rd", "2025-04-03", "2025-04-03", "on 3 April 2025"),
    ("before April", "2025-03-14", "2025-03-31", "before April 2025"),
    ("by 1 July", "2025-03-14", "2025-07-01", "by 1 July 2025"),
    ("until Sunday", "2025-03-14", "2025-03-16", "until Sunday, 16 March 2025"),
    ("in two weeks", "2025-03-28", "2025-03-28", "on 28 March 2025"),
    ("next summer", "2025-06-01", "2025-08-31", "in the summer of 2025"),
    ("May 3-7", "2025-05-03", "2025-05-07", "from 3 May 2025 to 7 May 2025"),
    ("13 to 16 June", "2025-06-13", "2025-06-16", "from 13 June 2025 to 16 June 2025"),
    ("on June 14th next year", "2026-06-14", "2026-06-14", "on 14 June 2026"),
    ("on Friday the 21st", "2025-03-21", "2025-03-21", "on 21 March 2025"),
    ("at the end of April", "2025-04-30", "2025-04-30", "at the end of April 2025"),
]


def _phrases(text: str, prefers: Direction) -> list[tuple[str, str, str]]:
    mentions = find_dates(text, FRIDAY, prefers=prefers)
    return [(str(mention.first), str(mention.last), mention.phrase) for mention in mentions]


@pytest.mark.parametrize(("text", "first", "last", "phrase"), PAST)
def test_a_date_in_a_story_lies_in_the_past(text: str, first: str, last: str, phrase: str) -> None:
    assert _phrases(f"it was {text} that", "past") == [(first, last, phrase)]


@pytest.mark.parametrize(("text", "first", "last", "phrase"), FUTURE)
def test_a_date_in_a_plan_lies_ahead(text: str, first: str, last: str, phrase: str) -> None:
    assert _phrases(f"it will be {text} then", "future") == [(first, last, phrase)]


@pytest.mark.parametrize(
    "text",
    [
        "every Friday", "on Mondays", "on Sunday nights", "on Monday and Thursday",
        "on monday and thursday evening",
        "I may march on", "I lost 5 kg in two weeks", "for two years", "my 30th birthday",
        "room 2019", "3/4 of it", "a second one", "no dates at all",
    ],
)  # fmt: skip
def test_habits_durations_and_numbers_are_no_dates(text: str) -> None:
    assert _phrases(text, "past") == []


def test_the_span_takes_in_the_preposition() -> None:
    text = "What did I do in May 2023, and on 7 June?"
    spans = [
        text[mention.start : mention.end] for mention in find_dates(text, FRIDAY, prefers="past")
    ]
    assert spans == ["in May 2023", "on 7 June"]


def test_a_possessive_preposition_is_left_in_the_text() -> None:
    (mention,) = find_dates("the game of last Friday", FRIDAY, prefers="past")
    assert mention.phrase == "Friday, 7 March 2025"


def test_months_are_added_within_the_length_of_the_month() -> None:
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2024, 1, 31), -2) == date(2023, 11, 30)


def test_a_day_is_spelt_out_with_its_weekday_on_request() -> None:
    assert day_text(FRIDAY) == "14 March 2025"
    assert day_text(FRIDAY, weekday=True) == "Friday, 14 March 2025"
