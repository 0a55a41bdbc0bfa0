"""Days in many wordings, each on the side of its clause, and what only looks like a day."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hitherto.core.dates.calendar import day_text
from hitherto.core.extraction.extract import extract
from hitherto.models import Message, MessageRole

_FILE = Path(__file__).with_name("date_variants.txt")


def _variants(*kinds: str) -> list[tuple[str, date, str, str]]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    parts = [line.split(" | ") for line in lines if not line.startswith("#")]
    return [
        (kind, date.fromisoformat(day), text, expected)
        for kind, day, text, expected in parts
        if kind in kinds
    ]


@pytest.mark.parametrize(("_", "today", "text", "expected"), _variants("clause"))
def test_a_day_lies_where_its_clause_says(_: str, today: date, text: str, expected: str) -> None:
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    stated = extract([Message(MessageRole.USER, text, now)], now)
    written = " ".join(one.content for one in stated)
    if expected == "-":
        assert not any(str(year) in written for year in range(2024, 2029))
    elif " until " in text:
        assert str(stated[0].event_date_end.date()) == expected
    else:
        assert day_text(date.fromisoformat(expected)) in written
