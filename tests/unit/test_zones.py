"""Days in the zone of the user, where statements are read, compared and put to a model."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.statement_models import ToldModel

from hitherto.core.context.recalled_data import Excerpt
from hitherto.core.context.wording import Wording
from hitherto.core.dates.formatting import day_beside, in_zone, stored_zone
from hitherto.core.extraction.extract import extract
from hitherto.core.extraction.summaries import is_own, summarise
from hitherto.core.reconciliation.conflict_questions import DatedStatement, question
from hitherto.core.reconciliation.reconcile import (
    ExistingMemory,
    Plan,
    RaiseConflict,
    Supersede,
    reconcile,
)
from hitherto.core.statements.reader import read
from hitherto.inference.tasks import extraction
from hitherto.models import (
    Candidate,
    GenerationPreferences,
    MemoryVersion,
    Message,
    MessageRole,
)

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
LATE = datetime(2025, 7, 15, 3, 30, tzinfo=UTC)


def messages(text: str) -> list[Message]:
    return [Message(MessageRole.USER, text, LATE)]


@pytest.mark.parametrize(("zone", "day"), [(NEW_YORK, 13), (TOKYO, 14), (ZoneInfo("UTC"), 14)])
def test_yesterday_is_seen_from_the_day_of_the_zone(zone: ZoneInfo, day: int) -> None:
    text = "I sold my bicycle yesterday."
    (sold,) = extract(messages(text), LATE.astimezone(zone), ToldModel(text))
    assert sold.event_date_start == datetime(2025, 7, day, tzinfo=UTC)
    assert sold.event_date_end == datetime(2025, 7, day, 23, 59, 59, tzinfo=UTC)


def test_a_model_is_told_the_day_of_the_zone() -> None:
    chunks = extraction.chunks(messages("I sold my bicycle yesterday."))
    wishes = extraction.ProjectPreferences(GenerationPreferences(), ())
    told = extraction.content(chunks[0], LATE.astimezone(NEW_YORK), wishes)
    assert "The session's day: 2025-07-14 (Monday, 14 July 2025)" in told


def test_a_summary_is_known_again_by_the_day_of_its_zone() -> None:
    summary = summarise(messages("Hello"), [], LATE.astimezone(NEW_YORK))
    assert is_own(summary, LATE.astimezone(NEW_YORK))
    assert summary.startswith("On Monday, 14 July 2025 the user")


def reconciled(said_at: datetime, before: datetime, *, asks: bool) -> Plan:
    """The plan of a home in Porto, told after one in Lisbon."""
    old = MemoryVersion("m", "s", "User lives in Lisbon", before, before, before)
    day = datetime(said_at.year, said_at.month, said_at.day, tzinfo=UTC)
    new = Candidate("User lives in Porto", day, day, (0,))
    vectors = np.eye(2, dtype=np.float32)
    return reconcile(
        [ExistingMemory(old, vectors[0])],
        [new],
        vectors[:1],
        session_id="t",
        session_created_at=said_at,
        conflicts_enabled=asks,
        model=ToldModel(relations={("User lives in Lisbon", "User lives in Porto"): "replaces"}),
    )


@pytest.mark.parametrize(
    ("zone", "before", "is_one_day"),
    [
        (NEW_YORK, datetime(2025, 7, 15, 2, 0, tzinfo=UTC), True),
        (NEW_YORK, datetime(2025, 7, 14, 23, 30, tzinfo=UTC), True),
        (NEW_YORK, datetime(2025, 7, 14, 3, 30, tzinfo=UTC), False),
        (TOKYO, datetime(2025, 7, 14, 23, 30, tzinfo=UTC), True),
        (TOKYO, datetime(2025, 7, 14, 14, 30, tzinfo=UTC), False),
        (ZoneInfo("UTC"), datetime(2025, 7, 15, 2, 0, tzinfo=UTC), True),
        (ZoneInfo("UTC"), datetime(2025, 7, 14, 23, 30, tzinfo=UTC), False),
    ],
)
def test_two_homes_on_one_day_of_the_zone_contradict_each_other(
    zone: ZoneInfo, before: datetime, is_one_day: bool
) -> None:
    (decision,) = reconciled(LATE.astimezone(zone), before, asks=True).decisions
    assert isinstance(decision, RaiseConflict if is_one_day else Supersede)


def test_a_question_to_the_user_has_the_days_of_the_zone() -> None:
    homes = [read("User lives in Lisbon"), read("User lives in Porto")]
    asked = question(
        DatedStatement(homes[0], datetime(2025, 7, 15, 2, 0, tzinfo=UTC)),
        DatedStatement(homes[1], LATE.astimezone(NEW_YORK)),
        "residence",
    )
    assert "noted on 14 July 2025 do not agree" in asked.question


@pytest.mark.parametrize(
    ("read_in", "shown_in", "day"),
    [(TOKYO, NEW_YORK, "Mon 14 Jul"), (None, NEW_YORK, "Sun 13 Jul"), (NEW_YORK, TOKYO, "Sun 13")],
)
def test_an_excerpt_resolves_days_in_the_zone_in_which_it_was_read(
    read_in: ZoneInfo | None, shown_in: ZoneInfo, day: str
) -> None:
    excerpt = Excerpt("s", LATE, 0, MessageRole.USER, "I sold it yesterday.", 1.0, read_in=read_in)
    assert day in Wording(shown_in, compact=True)._resolved(excerpt)


def test_the_ends_of_the_calendar_have_a_day_in_every_zone() -> None:
    last, first = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    assert in_zone(last, TOKYO) == last
    assert in_zone(first, NEW_YORK) == first
    assert day_beside(last, LATE.astimezone(TOKYO)) == last.date()
    assert day_beside(LATE, LATE.replace(tzinfo=None)) == LATE.date()


def test_a_stored_name_that_is_unknown_here_is_utc() -> None:
    assert stored_zone("Mars/Olympus").key == stored_zone(None).key == "UTC"
    assert stored_zone("Asia/Tokyo") is TOKYO
