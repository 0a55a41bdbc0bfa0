"""Properties of extraction for any messages."""

import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statement_models import ToldModel

from hitherto.core.dates.mentions import Direction, find_dates
from hitherto.core.extraction.extract import extract
from hitherto.models import Message, MessageRole

FRIDAY = datetime(2025, 3, 14, 10, tzinfo=UTC)
WORDS = (
    "I we my sister Ana she he it they and but because so when if since before after on in May"
    " last Friday the 14th moved to Rome love don't have been had 'll would like quit no longer"
    " , . ? ! - who which is are was 2019 two weeks ago dog named Rex from until you can Dr Smith"
    " ( ) that week every Monday going gonna 100% me myself our us her his their not never a an"
)
texts = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from(WORDS.split()), max_size=40).map(" ".join),
)


def _messages(*contents: str) -> list[Message]:
    return [Message(MessageRole.USER, content, FRIDAY) for content in contents]


@settings(max_examples=300)
@given(st.lists(texts, max_size=4))
def test_every_candidate_is_whole_and_rests_on_what_was_said(contents: list[str]) -> None:
    model = ToldModel(*contents)
    candidates = extract(_messages(*contents), FRIDAY, model)
    for candidate in candidates:
        assert len(candidate.content.split()) >= 2
        assert candidate.content.startswith("User") or candidate.clause is not None
        assert candidate.event_date_start <= candidate.event_date_end
        assert candidate.evidence
        assert all(0 <= position < len(contents) for position in candidate.evidence)
        assert candidate.evidence == tuple(sorted(set(candidate.evidence)))
    assert len({candidate.content.lower() for candidate in candidates}) == len(candidates)
    assert candidates == extract(_messages(*contents), FRIDAY, model)


@settings(max_examples=300)
@given(texts, st.dates(), st.sampled_from(["past", "future"]))
def test_found_dates_are_ordered_and_lie_inside_the_text(
    text: str, today: date, prefers: Direction
) -> None:
    end = 0
    for mention in find_dates(text, today, prefers=prefers):
        assert end <= mention.start < mention.end <= len(text)
        assert mention.first <= mention.last
        end = mention.end


@pytest.mark.parametrize(
    "unit",
    [
        "I and my ", ", ", "my sister ", "on 3 May, last Friday and ", "a", "I am\n", "(((",
        "     ", ", who is I ", "May 3 to ", "`x ", "between 3 May and ", "a@b.",
        "I moved to Rome. ",
        '"I was ', "in a few ", "I love it, can you ", "the early of ",
    ],
)  # fmt: skip
def test_hostile_text_takes_no_longer_than_its_length_deserves(unit: str) -> None:
    text = (unit * (200_000 // len(unit) + 1))[:200_000]
    begin = time.process_time()
    extract(_messages(text), FRIDAY, ToldModel())
    assert time.process_time() - begin < 2.0
