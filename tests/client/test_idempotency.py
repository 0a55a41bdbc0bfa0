"""A call made again with its idempotency key is answered and not done twice."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from hitherto import MessageRole, SessionStatus
from hitherto.api import MemoryApi
from hitherto.errors import (
    InvalidSessionStateError,
    SessionNotFoundError,
    UserAlreadyExistsError,
    UserNotFoundError,
    ValidationError,
)

WHEN = datetime(2023, 5, 8, 13, 56, 7, 123456, tzinfo=UTC)
BAD_KEYS = ["", "x" * 256, "a\0b", "\ud800", 7, b"key"]


async def add(api: MemoryApi, session_id: str, text: str, key: str | None) -> None:
    await api.add_message("alice", session_id, MessageRole.USER, text, idempotency_key=key)


async def said(api: MemoryApi, session_id: str) -> list[str]:
    page = await api.get_messages("alice", session_id)
    return [message.content for message in page.messages]


async def test_a_user_created_again_with_the_key_is_the_user(api: MemoryApi) -> None:
    arguments: dict[str, Any] = {
        "metadata": {"plan": "pro", "tags": [1, None]},
        "merge_conflict_enabled": True,
        "idempotency_key": "first",
    }
    made = await api.create_user("alice", **arguments)
    assert await api.create_user("alice", **arguments) == made
    reordered = arguments | {"metadata": {"tags": [1, None], "plan": "pro"}}
    assert await api.create_user("alice", **reordered) == made
    assert (await api.list_users()).total == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {"plan": "free"}},
        {"metadata": None},
        {"metadata": {"plan": True}},
        {"merge_conflict_enabled": False},
        {"merge_conflict_enabled": None},
        {"idempotency_key": "second"},
        {"idempotency_key": None},
    ],
)
async def test_a_user_created_again_otherwise_exists_already(
    api: MemoryApi, changed: dict[str, Any]
) -> None:
    arguments: dict[str, Any] = {
        "metadata": {"plan": 1},
        "merge_conflict_enabled": True,
        "idempotency_key": "first",
    }
    made = await api.create_user("alice", **arguments)
    with pytest.raises(UserAlreadyExistsError, match="User with ID alice already exists"):
        await api.create_user("alice", **(arguments | changed))
    assert await api.get_user("alice") == made


async def test_a_user_without_a_key_is_never_taken_for_a_repetition(api: MemoryApi) -> None:
    await api.create_user("alice")
    for key in (None, "late"):
        with pytest.raises(UserAlreadyExistsError):
            await api.create_user("alice", idempotency_key=key)


async def test_users_of_different_ids_may_share_a_key(api: MemoryApi) -> None:
    for name in ("alice", "bob"):
        assert (await api.create_user(name, idempotency_key="same")).user_id == name


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"metadata": {"topic": "house"}, "auto_process_after_seconds": None},
        {"custom_created_at_utc": WHEN, "auto_process_after_seconds": 900},
    ],
)
async def test_a_session_created_again_with_the_key_is_the_session(
    api: MemoryApi, arguments: dict[str, Any]
) -> None:
    await api.create_user("alice")
    made = await api.create_session("alice", **arguments, idempotency_key="first")
    active = (await api.get_user("alice")).last_active_at
    again = await api.create_session("alice", **arguments, idempotency_key="first")
    assert again == made
    assert (await api.list_sessions("alice")).total == 1
    assert (await api.get_user("alice")).last_active_at == active
    assert await api.create_session("alice", **arguments) != made
    assert await api.create_session("alice", **arguments, idempotency_key="second") != made


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {"topic": 2}},
        {"metadata": {}},
        {"auto_process_after_seconds": 601},
        {"auto_process_after_seconds": None},
        {"custom_created_at_utc": None},
        {"custom_created_at_utc": WHEN.replace(microsecond=0)},
    ],
)
async def test_a_session_created_otherwise_with_the_key_is_refused(
    api: MemoryApi, changed: dict[str, Any]
) -> None:
    await api.create_user("alice")
    arguments: dict[str, Any] = {
        "metadata": {"topic": 1},
        "custom_created_at_utc": WHEN,
        "idempotency_key": "first",
    }
    await api.create_session("alice", **arguments)
    with pytest.raises(ValidationError, match="idempotency_key 'first'"):
        await api.create_session("alice", **(arguments | changed))
    assert (await api.list_sessions("alice")).total == 1


async def test_the_key_of_a_session_is_the_users_own(api: MemoryApi) -> None:
    for name in ("alice", "bob"):
        await api.create_user(name)
        await api.create_session(name, metadata={"of": name}, idempotency_key="same")
        assert (await api.list_sessions(name)).total == 1
    with pytest.raises(UserNotFoundError):
        await api.create_session("nobody", idempotency_key="same")


async def test_a_message_added_again_with_the_key_stands_once(api: MemoryApi) -> None:
    await api.create_user("alice")
    session_id = (await api.create_session("alice")).session_id
    await add(api, session_id, "Hello", "first")
    await add(api, session_id, "Hello", None)
    active = (await api.get_user("alice")).last_active_at
    await add(api, session_id, "Hello", "first")
    assert (await api.get_user("alice")).last_active_at == active
    await add(api, session_id, "Hello", "second")
    assert await said(api, session_id) == ["Hello"] * 3


async def test_a_message_repeats_also_after_its_session_was_processed(api: MemoryApi) -> None:
    await api.create_user("alice")
    session_id = (await api.create_session("alice")).session_id
    await add(api, session_id, "I live in Porto.", "first")
    await api.process("alice", session_id)
    await add(api, session_id, "I live in Porto.", "first")
    await api.wait_until_processed(timeout_s=20)
    await add(api, session_id, "I live in Porto.", "first")
    assert (await api.get_session("alice", session_id)).status is SessionStatus.PROCESSED
    assert await said(api, session_id) == ["I live in Porto."]
    for key in ("second", None):
        with pytest.raises(InvalidSessionStateError):
            await add(api, session_id, "I live in Porto.", key)


async def test_another_message_with_the_key_is_refused(api: MemoryApi) -> None:
    await api.create_user("alice")
    session_id = (await api.create_session("alice")).session_id
    await add(api, session_id, "Hello", "first")
    with pytest.raises(ValidationError, match="idempotency_key 'first'"):
        await add(api, session_id, "hello", "first")
    with pytest.raises(ValidationError, match="idempotency_key 'first'"):
        await api.add_message(
            "alice", session_id, MessageRole.ASSISTANT, "Hello", idempotency_key="first"
        )
    assert await said(api, session_id) == ["Hello"]


async def test_the_key_of_a_message_counts_within_its_session(api: MemoryApi) -> None:
    await api.create_user("alice")
    sessions = [(await api.create_session("alice")).session_id for _ in range(2)]
    for number, session_id in enumerate(sessions):
        await add(api, session_id, f"Hello {number}", "same")
        assert await said(api, session_id) == [f"Hello {number}"]
    with pytest.raises(SessionNotFoundError):
        await add(api, "no-session", "Hello 0", "same")


async def test_calls_repeated_at_once_are_done_once(api: MemoryApi) -> None:
    await api.create_user("alice")
    made = await asyncio.gather(
        *(api.create_session("alice", idempotency_key="first") for _ in range(20))
    )
    assert len({session.session_id for session in made}) == 1
    session_id = made[0].session_id
    await asyncio.gather(*(add(api, session_id, "Hello", "first") for _ in range(20)))
    assert await said(api, session_id) == ["Hello"]


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.refused_unread
async def test_a_key_that_is_none_is_refused(api: MemoryApi, key: Any) -> None:
    with pytest.raises(ValidationError, match="idempotency_key"):
        await api.create_user("alice", idempotency_key=key)
    await api.create_user("alice")
    with pytest.raises(ValidationError, match="idempotency_key"):
        await api.create_session("alice", idempotency_key=key)
    session_id = (await api.create_session("alice", idempotency_key="x" * 255)).session_id
    with pytest.raises(ValidationError, match="idempotency_key"):
        await add(api, session_id, "Hello", key)
    assert await said(api, session_id) == []
