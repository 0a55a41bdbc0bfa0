"""Sessions and messages: what is said is kept as it was said, in the states that allow it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from hitherto import MessageRole, SessionStatus
from hitherto.errors import (
    InvalidSessionStateError,
    SessionNotFoundError,
    UserNotFoundError,
    ValidationError,
)

TEXTS = [
    "plain",
    "  spaces around \n",
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈",
    "line\nbreaks\r\nof\rall\tkinds",
    "separators \u2028 and \u2029 and \u0085 and \x0b\x0c",
    "مرحبا بالعالم، كيف حالك؟",
    "שלום \u202eright-to-left override",
    "日本語のメッセージ",
    "e\u0301 is not é",
    "<script>alert('x')</script> </recalled_memory>",
    "'; drop table messages; --",
    "\ufeffbyte order mark and \ufffe",
]


async def test_a_session_starts_pending_with_the_defaults(user: Any) -> None:
    session = await user.create_session()
    assert session.status is SessionStatus.PENDING
    assert (session.user_id, session.metadata, session.processed_at) == ("alice", {}, None)
    assert session.auto_process_after_seconds == 600
    assert session.failure_reason is None


async def test_a_session_takes_the_date_it_is_given(user: Any) -> None:
    when = datetime(2023, 5, 8, 13, 56, 7, 123456, tzinfo=UTC)
    session = await user.create_session(custom_created_at_utc=when)
    assert session.created_at == when
    read = await user.get_session(session.session_id)
    assert (read.created_at, read.created_at.utcoffset()) == (when, timedelta(0))


@pytest.mark.parametrize(
    "bad",
    [
        datetime(2023, 5, 8, 13, 56),  # noqa: DTZ001  naive on purpose
        datetime(2023, 5, 8, 13, 56, tzinfo=timezone(timedelta(hours=2))),
        "2023-05-08T13:56:00Z",
    ],
)
@pytest.mark.refused_unread
async def test_a_date_that_is_not_utc_is_refused(user: Any, bad: Any) -> None:
    with pytest.raises(ValidationError, match="custom_created_at_utc"):
        await user.create_session(custom_created_at_utc=bad)
    assert (await user.list_sessions()).total == 0


@pytest.mark.parametrize("seconds", [600, 86_400, None])
async def test_inactivity_can_be_set_or_switched_off(user: Any, seconds: int | None) -> None:
    session = await user.create_session(auto_process_after_seconds=seconds)
    assert (await user.get_session(session.session_id)).auto_process_after_seconds == seconds


@pytest.mark.parametrize("bad", [0, 599, -1, True, "600", 600.5])
@pytest.mark.refused_unread
async def test_too_short_an_inactivity_is_refused(user: Any, bad: Any) -> None:
    with pytest.raises(ValidationError, match="auto_process_after_seconds"):
        await user.create_session(auto_process_after_seconds=bad)


@pytest.mark.parametrize("text", TEXTS)
async def test_content_comes_back_as_it_was_said(user: Any, text: str) -> None:
    session = await user.create_session()
    await session.add_message(MessageRole.USER, text)
    await session.add_message("assistant", text)
    page = await session.get_messages()
    assert [(message.role, message.content) for message in page.messages] == [
        (MessageRole.USER, text),
        (MessageRole.ASSISTANT, text),
    ]
    assert page.messages[0].timestamp <= page.messages[1].timestamp


@pytest.mark.refused_unread
@pytest.mark.parametrize(
    "bad", ["", " \n\t", "a\0b", "\ud800", "x\udfffy", None, b"bytes", "x" * 1_000_000]
)
async def test_what_is_no_text_is_refused_and_nothing_kept(user: Any, bad: Any) -> None:
    session = await user.create_session()
    with pytest.raises(ValidationError, match="content"):
        await session.add_message(MessageRole.USER, bad)
    assert (await session.get_messages()).total == 0


@pytest.mark.parametrize("bad", ["system", "USER", "", None, 1])
@pytest.mark.refused_unread
async def test_another_role_is_refused(user: Any, bad: Any) -> None:
    session = await user.create_session()
    with pytest.raises(ValidationError, match="role must be one of 'user', 'assistant'"):
        await session.add_message(bad, "hello")
    assert (await session.get_messages()).total == 0


async def test_messages_are_paged_in_order(user: Any) -> None:
    session = await user.create_session()
    for number in range(7):
        await session.add_message("user", f"message {number}")
    page = await session.get_messages(offset=2, limit=3)
    assert [message.content for message in page.messages] == [f"message {n}" for n in (2, 3, 4)]
    assert (page.total, page.has_more) == (7, True)
    assert not (await session.get_messages(offset=4, limit=3)).has_more
    for bad in ({"limit": 0}, {"limit": 501}, {"offset": -1}):
        with pytest.raises(ValidationError):
            await session.get_messages(**bad)


async def test_the_last_messages_span_all_sessions(user: Any) -> None:
    one, two = await user.create_session(), await user.create_session()
    for number in range(6):
        await (one if number % 2 else two).add_message("user", f"message {number}")
    last = (await user.get_last_n_messages(3)).messages
    assert [message.content for message in last] == ["message 3", "message 4", "message 5"]
    assert last[0].session_id == one.session_id
    for bad in (0, 101):
        with pytest.raises(ValidationError):
            await user.get_last_n_messages(bad)


async def test_metadata_is_replaced_completely(user: Any) -> None:
    session = await user.create_session(metadata={"a": 1, "b": 2})
    await session.update({"c": {"d": 3}})
    assert session.metadata == {"c": {"d": 3}}
    assert (await user.get_session(session.session_id)).metadata == {"c": {"d": 3}}


async def test_sessions_are_listed_newest_first_and_filtered(user: Any) -> None:
    dates = [datetime(2024, month, 1, tzinfo=UTC) for month in (3, 1, 2)]
    for index, date in enumerate(dates):
        await user.create_session(metadata={"index": index}, custom_created_at_utc=date)
    page = await user.list_sessions(limit=2)
    assert [session.created_at.month for session in page.sessions] == [3, 2]
    assert (page.total, page.has_more) == (3, True)
    found = await user.list_sessions(metadata_filter={"index": 1})
    assert [session.metadata for session in found.sessions] == [{"index": 1}]
    assert (await user.list_sessions(metadata_filter={"index": "1"})).total == 0
    assert (await user.list_sessions(status_filter=["pending", "failed"])).total == 3
    assert (await user.list_sessions(status_filter=[SessionStatus.PROCESSED])).total == 0
    with pytest.raises(ValidationError, match="status_filter"):
        await user.list_sessions(status_filter=["done"])


async def test_another_users_session_is_unknown(memory: Any, user: Any) -> None:
    other = await memory.create_user("bob")
    session = await user.create_session()
    for unknown in (session.session_id, "not-a-uuid", "", "\udc80"):
        with pytest.raises(SessionNotFoundError):
            await other.get_session(unknown)


async def test_every_call_on_a_deleted_session_says_so(user: Any) -> None:
    session = await user.create_session()
    await session.delete()
    calls = [
        session.refresh(),
        session.delete(),
        session.process(),
        session.get_messages(),
        session.get_context(),
        session.update({}),
        session.add_message("user", "hello"),
    ]
    for call in calls:
        with pytest.raises(SessionNotFoundError, match=session.session_id):
            await call


async def test_a_deleted_users_session_names_the_user(user: Any) -> None:
    session = await user.create_session()
    await user.delete()
    for call in (session.refresh(), session.get_context(), session.add_message("user", "hello")):
        with pytest.raises(UserNotFoundError, match="User alice not found"):
            await call


async def test_nothing_is_added_once_processing_has_begun(memory: Any, user: Any) -> None:
    session = await user.create_session()
    await session.add_message("user", "I live in Porto.")
    await session.process()
    assert session.status is SessionStatus.PROCESSING
    with pytest.raises(InvalidSessionStateError, match="Cannot add message to session"):
        await session.add_message("user", "more")
    await memory.wait_until_processed(timeout_s=10)
    for call in (session.add_message("user", "more"), session.process()):
        with pytest.raises(InvalidSessionStateError, match="with status processed"):
            await call
    assert (await session.get_messages()).total == 1


async def test_last_active_moves_with_sessions_and_messages(user: Any) -> None:
    seen = user.last_active_at
    session = await user.create_session()
    await user.refresh()
    assert user.last_active_at > seen
    seen = user.last_active_at
    await session.add_message("user", "hello")
    await user.refresh()
    assert user.last_active_at > seen
