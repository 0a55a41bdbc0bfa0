"""Support of memories by the messages of a session."""

from datetime import date

import pytest

from hitherto.core.extraction.grounding import (
    Evidence,
    Flaw,
    SaidWords,
    find_flaw,
    find_loss,
    numbers_in,
)

TODAY = date(2025, 3, 14)


def judged(
    content: str,
    message: str,
    first: date = TODAY,
    last: date | None = None,
    session: str = "",
) -> Flaw | None:
    evidence = Evidence(message, SaidWords.of([session or message]), TODAY)
    return find_flaw(content, first, last or first, evidence)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("User has a sister named Ana", "my sister Ana called again"),
        ("User has three dogs", "I have 3 dogs, can you imagine"),
        ("User paid $1,200 for a bike", "the bike was 1.2k"),
        ("User gets up at 19:00", "I get up at 7pm, night shifts"),
        ("User works at Jean-Luc's bakery", "I am at the bakery of Jean-Luc"),
        ("User moved to New York", "moved to NYC, the New York winters are long"),
        ("User wohnt in München", "Ich wohne jetzt in München, seit kurzem"),
        ("User was born in 1990", "I was born in '90 in a village"),
        ("User has a dozen eggs", "twelve eggs are left in my basket"),
    ],
)
def test_other_words_for_what_was_said_count_as_said(content: str, message: str) -> None:
    assert judged(content, message) is None


@pytest.mark.parametrize(
    ("content", "message", "flaw"),
    [
        ("User plays chess", "I had soup for lunch again", Flaw.WORDS),
        ("User has four dogs", "I have 3 dogs, can you imagine", Flaw.NUMBER),
        ("User runs 14 km", "I run every morning, my knees like it", Flaw.NUMBER),
        ("User lives in Lyon", "I live in a small flat, fifth floor", Flaw.NAME),
        ("User has a sister named Ana Brandt", "my sister Ana called again", Flaw.NAME),
        ("User moved in May 2022", "I moved last May, it was hot", Flaw.DATE),
    ],
)
def test_what_nobody_said_speaks_against_a_memory(content: str, message: str, flaw: Flaw) -> None:
    assert judged(content, message) is flaw


def test_a_name_may_come_from_earlier_in_the_session() -> None:
    message = "she plays the cello in an orchestra"
    assert judged("Sister Ana of the user plays the cello", message) is Flaw.NAME
    session = f"my sister Ana came to town\n{message}"
    assert judged("Sister Ana of the user plays the cello", message, session=session) is None


def test_an_event_date_has_to_follow_from_a_date_that_was_said() -> None:
    may = (date(2024, 5, 1), date(2024, 5, 31))
    assert judged("User moved to a flat", "I moved to a flat last May", *may) is None
    assert judged("User moved to a flat", "I moved to a flat, all done", *may) is Flaw.DATE
    week_after = (date(2024, 6, 5), date(2024, 6, 5))
    message = "I moved last May, and painted the flat a week later"
    assert judged("User painted the flat", message, *week_after) is None


def test_the_sessions_own_day_needs_no_date() -> None:
    assert judged("User moved to a flat", "I moved to a flat, all done") is None


def test_a_duration_allows_the_range_that_it_spans() -> None:
    message = "I have been a nurse for two years now"
    assert judged("User has been a nurse for two years", message, date(2023, 3, 14), TODAY) is None


def test_dates_of_other_languages_are_not_judged() -> None:
    message = "Ich bin letzten Mai umgezogen, mit dem Hund und den Kindern"
    may = (date(2024, 5, 1), date(2024, 5, 31))
    assert judged("User ist im Mai umgezogen", message, *may) is None


def test_numbers_are_read_in_figures_and_in_words() -> None:
    assert {3.0, 12.0, 1200.0, 25.0} <= set(numbers_in("three of 12 at 1,200 in twenty-five"))
    assert {19.0, 7.0} <= set(numbers_in("at 7 pm"))
    assert numbers_in("nothing to count") == []


def test_a_merged_statement_keeps_what_both_say_and_adds_nothing() -> None:
    old, new = "User works at Siemens as a nurse", "User works at Siemens in Munich"
    assert find_loss("User works at Siemens in Munich as a nurse", old, new) is None
    assert "name" in (find_loss("User works at Siemens as a nurse", old, new) or "")
    assert "name" in (
        find_loss("User works at Siemens in Munich in Bavaria as a nurse", old, new) or ""
    )
    assert "number" in (
        find_loss("User works 3 days at Siemens in Munich as a nurse", old, new) or ""
    )
    three = "User has 3 dogs named Rex, Ada and Max"
    assert "number" in (
        find_loss("User has dogs named Rex, Ada and Max", three, "User has dogs") or ""
    )
