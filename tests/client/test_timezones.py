"""Time zones of users and sessions: the days that are read, kept and shown."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.client.test_processing import contents

from hitherto.errors import UserAlreadyExistsError, UserNotFoundError, ValidationError

NEW_YORK, TOKYO, KIRITIMATI = "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"
LATE = datetime(2025, 7, 15, 3, 30, tzinfo=UTC)
"""Half past eleven in the evening of Monday, 14 July, in New York; noon thirty in Tokyo."""

BAD_ZONES: list[Any] = ["", "Mars/Olympus", "EST5EDT4", "../UTC", "a." * 512, "+02:00", 7, ["UTC"]]


async def tell(memory: Any, user: Any, text: str, zone: str | None, at: datetime = LATE) -> Any:
    session = await user.create_session(custom_created_at_utc=at, timezone=zone)
    await session.add_message("user", text)
    await session.process()
    await memory.wait_until_processed(timeout_s=20)
    return session


def days(memory: Any) -> tuple[str, str]:
    return memory.event_date_start.date().isoformat(), memory.event_date_end.date().isoformat()


async def test_a_user_keeps_a_zone_until_it_is_changed_or_cleared(memory: Any) -> None:
    user = await memory.create_user("ines", timezone="Europe/Lisbon")
    assert user.timezone == (await memory.get_user("ines")).timezone == "Europe/Lisbon"
    assert (await memory.list_users()).users[0].timezone == "Europe/Lisbon"
    await user.update(new_metadata={"plan": "free"})
    assert user.timezone == "Europe/Lisbon"
    await user.update(timezone=TOKYO)
    assert (user.timezone, user.metadata) == (TOKYO, {"plan": "free"})
    await user.update(timezone=None)
    assert (await memory.get_user("ines")).timezone is None


async def test_a_session_keeps_a_zone_of_its_own(memory: Any, user: Any) -> None:
    session = await user.create_session(metadata={"channel": "web"}, timezone=TOKYO)
    assert (await user.get_session(session.session_id)).timezone == TOKYO
    await session.update({"channel": "voice"})
    assert session.timezone == TOKYO
    await session.update(timezone=NEW_YORK)
    assert (session.timezone, session.metadata) == (NEW_YORK, {"channel": "voice"})
    await session.update(timezone=None)
    assert (await user.list_sessions()).sessions[0].timezone is None
    await session.update()
    assert session.metadata == {"channel": "voice"}


async def test_no_zone_is_none(memory: Any, user: Any) -> None:
    assert user.timezone is None
    assert (await user.create_session()).timezone is None


@pytest.mark.refused_unread
@pytest.mark.parametrize("bad", BAD_ZONES)
async def test_a_name_that_is_no_zone_is_refused_and_nothing_written(
    memory: Any, user: Any, bad: Any
) -> None:
    session = await user.create_session(metadata={"a": 1})
    with pytest.raises(ValidationError, match="timezone"):
        await memory.create_user("bob", timezone=bad)
    with pytest.raises(UserNotFoundError):
        await memory.get_user("bob")
    with pytest.raises(ValidationError, match="timezone"):
        await user.update(new_metadata={"b": 2}, timezone=bad)
    with pytest.raises(ValidationError, match="timezone"):
        await user.create_session(timezone=bad)
    with pytest.raises(ValidationError, match="timezone"):
        await session.update(new_metadata={"b": 2}, timezone=bad)
    await user.refresh()
    assert (user.metadata, user.timezone) == ({"plan": "pro"}, None)
    read = (await user.list_sessions()).sessions
    assert [(item.metadata, item.timezone) for item in read] == [({"a": 1}, None)]


async def test_a_repeated_call_with_another_zone_is_another_call(memory: Any, user: Any) -> None:
    await memory.create_user("bob", timezone=TOKYO, idempotency_key="k")
    again = await memory.create_user("bob", timezone=TOKYO, idempotency_key="k")
    assert again.timezone == TOKYO
    with pytest.raises(UserAlreadyExistsError):
        await memory.create_user("bob", timezone=NEW_YORK, idempotency_key="k")
    first = await user.create_session(timezone=TOKYO, idempotency_key="s")
    assert (
        await user.create_session(timezone=TOKYO, idempotency_key="s")
    ).session_id == first.session_id
    with pytest.raises(ValidationError, match="idempotency_key"):
        await user.create_session(idempotency_key="s")


@pytest.mark.parametrize(
    ("of_user", "of_session", "today", "yesterday", "said_on"),
    [
        (None, None, "2025-07-15", "2025-07-14", "Tuesday, 15 July 2025"),
        (NEW_YORK, None, "2025-07-14", "2025-07-13", "Monday, 14 July 2025"),
        (None, NEW_YORK, "2025-07-14", "2025-07-13", "Monday, 14 July 2025"),
        (NEW_YORK, TOKYO, "2025-07-15", "2025-07-14", "Tuesday, 15 July 2025"),
        (TOKYO, "UTC", "2025-07-15", "2025-07-14", "Tuesday, 15 July 2025"),
    ],
)
async def test_days_are_read_in_the_zone_of_the_session_or_else_of_the_user(
    memory: Any,
    of_user: str | None,
    of_session: str | None,
    today: str,
    yesterday: str,
    said_on: str,
) -> None:
    user = await memory.create_user("ines", timezone=of_user)
    session = await tell(
        memory, user, "I moved to Porto yesterday. I have a dog called Bica.", of_session
    )
    items = {days(item): item for item in (await user.list_memories()).items}
    assert set(items) == {(yesterday, yesterday), (today, today)}
    assert "Porto" in items[yesterday, yesterday].content
    # The instant stays the instant.
    assert {item.created_at for item in items.values()} == {LATE}
    read = await user.get_session(session.session_id, include_summary=True)
    assert read.session_summary.startswith(f"On {said_on} the user opened with")


async def test_the_zone_ahead_of_utc_is_already_on_the_next_day(memory: Any) -> None:
    user = await memory.create_user("tia", timezone=KIRITIMATI)
    await tell(memory, user, "I will fly to Suva tomorrow.", None, LATE.replace(hour=11))
    (flight,) = (await user.list_memories()).items
    assert days(flight) == ("2025-07-17", "2025-07-17")


async def test_a_new_zone_of_the_user_leaves_what_was_read_and_counts_from_then_on(
    memory: Any,
) -> None:
    user = await memory.create_user("ines", timezone=NEW_YORK)
    await tell(memory, user, "I have a dog called Bica.", None)
    open_session = await user.create_session(custom_created_at_utc=LATE)
    await open_session.add_message("user", "I have a cat called Nilo.")
    await user.update(timezone=TOKYO)
    await open_session.process()
    await memory.wait_until_processed(timeout_s=20)
    read = {item.content: days(item)[0] for item in (await user.list_memories()).items}
    assert [day for content, day in read.items() if "Bica" in content] == ["2025-07-14"]
    assert [day for content, day in read.items() if "Nilo" in content] == ["2025-07-15"]


async def test_a_deletion_rewrites_the_summary_with_the_day_that_it_had(memory: Any) -> None:
    user = await memory.create_user("ines", timezone=NEW_YORK)
    session = await tell(
        memory, user, "I have a dog called Bica. I work as a baker in Porto.", None
    )
    await user.update(timezone=TOKYO)
    (dog,) = [item for item in (await user.list_memories()).items if "Bica" in item.content]
    await user.delete_memory(dog.memory_id)
    read = await user.get_session(session.session_id, include_summary=True)
    assert "Bica" not in read.session_summary
    assert read.session_summary.startswith("On Monday, 14 July 2025 the user opened with")
    assert "baker" in str(await contents(user))


@pytest.mark.parametrize(
    ("of_user", "of_session", "requested", "line"),
    [
        (None, None, None, "Now: Tuesday 15 July 2025, 03:30 (UTC)\n"),
        (NEW_YORK, None, None, "Now: Monday 14 July 2025, 23:30 (America/New_York)\n"),
        (NEW_YORK, TOKYO, None, "Now: Tuesday 15 July 2025, 12:30 (Asia/Tokyo)\n"),
        (NEW_YORK, TOKYO, "UTC", "Now: Tuesday 15 July 2025, 03:30 (UTC)\n"),
    ],
)
async def test_a_context_tells_the_time_in_the_zone_asked_for_or_else_in_that_of_the_session(
    memory: Any,
    of_user: str | None,
    of_session: str | None,
    requested: str | None,
    line: str,
) -> None:
    user = await memory.create_user("ines", timezone=of_user)
    asking = await user.create_session(custom_created_at_utc=LATE, timezone=of_session)
    response = await asking.get_context(timezone=requested, include_system_prompt=False)
    assert response.context.startswith(line)


@pytest.mark.parametrize(
    ("zone", "yesterday"), [(None, "2025-07-14"), (NEW_YORK, "2025-07-13"), (TOKYO, "2025-07-14")]
)
async def test_a_question_about_yesterday_is_read_in_the_zone(
    memory: Any, zone: str | None, yesterday: str
) -> None:
    user = await memory.create_user("ines", timezone=zone)
    await tell(memory, user, "I have a dog called Bica.", None)
    asking = await user.create_session(custom_created_at_utc=LATE)
    await asking.add_message("user", "What did I do yesterday?")
    response = await asking.get_context(include_metadata_ids=True)
    (asked,) = response.metadata.date_range_filters
    assert asked.start_date.date().isoformat() == asked.end_date.date().isoformat() == yesterday
