"""Days of what users said in their own words, by the time that the statement model reads in it."""

import re
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.statement_models import ToldModel

from hitherto.core.dates.certain import certain_dates, reader_of
from hitherto.core.extraction.extract import extract
from hitherto.core.text.quotation import quotation_of, without_notes
from hitherto.models import Message, MessageRole

_FILE = Path(__file__).with_name("said_days.txt")
_NOTE = re.compile(r"\[[^\[\]]+\]")


def _cases() -> list[tuple[str, ...]]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(" | ")) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("_", "day", "time_of_piece", "noted", "about"), _cases())
def test_days_of_what_was_said(
    _: str, day: str, time_of_piece: str, noted: str, about: str
) -> None:
    words = without_notes(noted)
    said_on = datetime.combine(date.fromisoformat(day), time(12), UTC)
    model = ToldModel(words, times={words: time_of_piece})
    stated = extract([Message(MessageRole.USER, words, said_on)], said_on, model)
    first, _, last = (day if about == "-" else about).partition("..")
    days = {(str(one.event_date_start.date()), str(one.event_date_end.date())) for one in stated}
    assert days == {(first, last or first)}
    quoted = [one.content for one in stated if quotation_of(one.content) is not None]
    assert all(_NOTE.findall(content) == _NOTE.findall(noted) for content in quoted)


_WORDS = sorted({word for case in _cases() for word in case[3].split()})
_LANGUAGES = ("en", "de", "es", "fr", "pt", "it", "nl", "hi", "ja", "zh")


@given(
    st.lists(
        st.sampled_from(_WORDS) | st.text("0123456789./-年月ſİ\u0301", max_size=6), max_size=12
    ),
    st.sampled_from(_LANGUAGES),
    st.sampled_from(["now", "past", "future", "ended", "always"]),
    st.dates(date(1900, 1, 1), date(9990, 12, 31)),
)
def test_words_in_any_order_give_days_in_order(
    words: list[str], language: str, time_of_piece: str, today: date
) -> None:
    text = " ".join(words)
    mentions = certain_dates(text, today, time_of_piece, reader_of(language))
    ends = [0, *(mention.end for mention in mentions)]
    for end, mention in zip(ends, mentions, strict=False):
        assert end <= mention.start < mention.end <= len(text)
        assert mention.first <= mention.last
