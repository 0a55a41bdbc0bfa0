"""Days in many wordings, each on the side of its clause, and what only looks like a day."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.statement_models import ToldModel

from hitherto.core.dates.calendar import day_text
from hitherto.core.dates.mentions import find_dates
from hitherto.core.extraction.extract import extract
from hitherto.core.extraction.rewriting import rewrite
from hitherto.models import Message, MessageRole

_YEAR = re.compile(r"\b20\d\d\b")
_FILE = Path(__file__).with_name("date_variants.txt")


def _variants(*kinds: str) -> list[tuple[str, date, str, str]]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    parts = [line.split(" | ") for line in lines if not line.startswith("#")]
    return [
        (kind, date.fromisoformat(day), text, expected)
        for kind, day, text, expected in parts
        if kind in kinds
    ]


def _written(text: str, today: date, time: str) -> str:
    """Return what is remembered of a text, and the last day that it speaks of."""
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    model = ToldModel(text, times={text: time})
    stated = extract([Message(MessageRole.USER, text, now)], now, model)
    last = [day_text(one.event_date_end.date()) for one in stated]
    return " ".join([one.content for one in stated] + last)


@pytest.mark.parametrize(("_", "today", "text", "expected"), _variants("clause"))
def test_a_day_lies_where_its_clause_says(_: str, today: date, text: str, expected: str) -> None:
    if expected == "-":
        assert not _YEAR.search(_written(text, today, "now").replace(day_text(today), ""))
        return
    day = date.fromisoformat(expected)
    assert day_text(day) in _written(text, today, "past" if day < today else "future")


@pytest.mark.parametrize(("_", "today", "text", "expected"), _variants("clause"))
def test_a_rewritten_day_is_right_without_a_told_side(
    _: str, today: date, text: str, expected: str
) -> None:
    for time in ("now", "always"):
        rewritten = rewrite(text, today, time)
        if rewritten is not None and expected != "-":
            assert str(rewritten.last) == expected


@pytest.mark.parametrize(("kind", "today", "text", "expected"), _variants("ahead", "behind"))
def test_a_form_of_a_day_is_read(kind: str, today: date, text: str, expected: str) -> None:
    mentions = find_dates(text, today, prefers="future" if kind == "ahead" else "past")
    first, _, last = expected.partition("..")
    wanted = [] if expected == "-" else [(first, last or first)]
    assert [(str(one.first), str(one.last)) for one in mentions] == wanted


@pytest.mark.parametrize(("_", "today", "text", "expected"), _variants("none"))
def test_what_looks_like_a_day_is_none(_: str, today: date, text: str, expected: str) -> None:
    assert expected == "-"
    assert find_dates(text, today, prefers="past") == []
    assert find_dates(text, today, prefers="future") == []


@pytest.mark.parametrize(
    ("text", "today"),
    [
        ("a week from Tuesday", date(2026, 3, 3)), ("Monday week", date(2026, 3, 2)),
        ("on 03-04-2026", date(2026, 3, 4)), ("a week ago on Tuesday", date(2026, 3, 4)),
    ],
)  # fmt: skip
def test_a_form_with_two_readings_is_no_day(text: str, today: date) -> None:
    assert find_dates(text, today, prefers="future") == []


def test_a_duration_keeps_the_day_it_begins_on() -> None:
    (mention,) = find_dates("away for two weeks from Friday", date(2026, 3, 4), prefers="future")
    assert str(mention.first) == "2026-03-06"
