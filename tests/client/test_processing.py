"""Processing: sessions become memories, in the background, once, and in order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Clock
from tests.databases import Location
from tests.fakes import HashEmbedder

from hitherto import (
    AsyncHitherto,
    ExpirationReason,
    Hitherto,
    Parts,
    SessionStatus,
    Settings,
)
from hitherto.core.text.quotation import said_words
from hitherto.errors import ClosedError, InvalidSessionStateError, TimeoutError
from hitherto.inference import LocalInference
from hitherto.models import Extraction, Message


async def tell(memory: Any, user: Any, *texts: str, at: datetime | None = None) -> Any:
    session = await user.create_session(custom_created_at_utc=at)
    for text in texts:
        await session.add_message("user", text)
    await session.process()
    await memory.wait_until_processed(timeout_s=20)
    await session.refresh()
    return session


async def contents(user: Any) -> list[str]:
    return [memory.content for memory in (await user.list_memories(limit=200)).items]


async def test_a_processed_session_leaves_dated_memories_with_evidence(
    memory: Any, user: Any
) -> None:
    session = await tell(
        memory,
        user,
        "Good morning!",
        "I moved to Lisbon last Friday, and my sister Ana is visiting in May.",
        at=datetime(2025, 3, 12, 9, 0, tzinfo=UTC),
    )
    assert session.status is SessionStatus.PROCESSED
    assert session.processed_at is not None
    items = sorted((await user.list_memories()).items, key=lambda item: item.content)
    moved, visit = items
    assert moved.content == "User moved to Lisbon on Friday, 7 March 2025"
    assert visit.content == "User's sister Ana is visiting in May 2025"
    assert (moved.event_date_start.date().isoformat(), moved.event_date_end.date().isoformat()) == (
        "2025-03-07",
        "2025-03-07",
    )
    assert moved.created_at == session.created_at
    assert moved.session_id == session.session_id
    assert [item.position for item in moved.evidence] == [1]
    assert moved.version_number == moved.total_versions == 1


async def test_a_change_supersedes_and_the_history_stays(memory: Any, user: Any) -> None:
    await tell(memory, user, "I live in Porto.", at=datetime(2024, 1, 5, tzinfo=UTC))
    await tell(memory, user, "I moved to Lisbon.", at=datetime(2025, 1, 5, tzinfo=UTC))
    (current,) = (await user.list_memories()).items
    assert "Lisbon" in current.content
    assert (current.version_number, current.total_versions) == (2, 2)
    (earlier,) = current.previous_versions
    assert "Porto" in earlier.content
    assert earlier.expiration_reason is ExpirationReason.TEMPORAL_CONFLICT
    read = await user.get_memory(earlier.memory_id)
    assert (read.version_number, read.total_versions) == (1, 2)
    assert read.expired_at is not None


async def test_an_older_session_processed_later_does_not_displace_the_news(
    memory: Any, user: Any
) -> None:
    await tell(memory, user, "I live in Lisbon.", at=datetime(2025, 1, 5, tzinfo=UTC))
    await tell(memory, user, "I live in Porto.", at=datetime(2024, 1, 5, tzinfo=UTC))
    current = [content for content in await contents(user) if "live" in content]
    assert current == ["User lives in Lisbon"]


async def test_a_restatement_adds_evidence_and_nothing_else(memory: Any, user: Any) -> None:
    first = await tell(memory, user, "I am allergic to peanuts.")
    second = await tell(memory, user, "I'm allergic to peanuts.")
    (held,) = (await user.list_memories()).items
    assert {item.session_id for item in held.evidence} == {first.session_id, second.session_id}


async def test_a_detail_is_added_to_what_is_held(memory: Any, user: Any) -> None:
    await tell(memory, user, "I have a dog.", at=datetime(2025, 1, 5, tzinfo=UTC))
    await tell(memory, user, "I have a dog named Rex.", at=datetime(2025, 2, 5, tzinfo=UTC))
    (held,) = (await user.list_memories()).items
    assert "Rex" in held.content
    (earlier,) = held.previous_versions
    assert earlier.expiration_reason is ExpirationReason.ADDITION_TO_EXISTING_MEMORY


async def test_a_contradiction_is_asked_about_where_that_is_switched_on(memory: Any) -> None:
    user = await memory.create_user("carla", merge_conflict_enabled=True)
    await tell(memory, user, "My birthday is on 3 May 1990.", at=datetime(2025, 1, 5, tzinfo=UTC))
    await tell(memory, user, "I was born on 4 June 1990.", at=datetime(2025, 2, 5, tzinfo=UTC))
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    assert "4 June" in conflict.proposed_memory_content
    assert [item.content for item in conflict.conflicting_memories]
    assert len(conflict.clarifying_questions[0].options) >= 2
    (held,) = (await user.list_memories()).items
    assert held.merge_conflict_in_progress
    assert "3 May" in held.content
    assert (await user.get_merge_conflict(conflict.conflict_id)).conflict_id == conflict.conflict_id
    session = await user.create_session()
    await session.add_message("user", "When is my birthday?")
    context = (await session.get_context()).context
    assert conflict.conflict_id in context
    assert conflict.clarifying_questions[0].question in context


async def test_a_contradiction_supersedes_where_that_is_switched_off(
    memory: Any, user: Any
) -> None:
    await tell(memory, user, "My birthday is on 3 May 1990.", at=datetime(2025, 1, 5, tzinfo=UTC))
    await tell(memory, user, "I was born on 4 June 1990.", at=datetime(2025, 2, 5, tzinfo=UTC))
    assert (await user.list_merge_conflicts()).total == 0
    (held,) = (await user.list_memories()).items
    (earlier,) = held.previous_versions
    assert earlier.expiration_reason is ExpirationReason.MERGE_CONFLICT
    assert earlier.merge_conflict_id is None


async def test_related_memories_are_connected_both_ways(memory: Any, user: Any) -> None:
    await tell(memory, user, "My sister Ana lives in Berlin. My sister Ana plays the cello.")
    items = {item.memory_id: item for item in (await user.list_memories()).items}
    assert len(items) > 1
    for memory_id, item in items.items():
        assert item.connected_memories
        for connected in item.connected_memories:
            assert connected.content == items[connected.memory_id].content
            back = items[connected.memory_id].connected_memories
            assert memory_id in [other.memory_id for other in back]


async def test_a_session_without_messages_is_processed_into_nothing(memory: Any, user: Any) -> None:
    session = await tell(memory, user)
    assert session.status is SessionStatus.PROCESSED
    assert await contents(user) == []


async def test_another_language_is_kept_word_for_word_and_never_mangled(path: Location) -> None:
    text = "Mudei-me para Lisboa na sexta-feira e adoro pastéis de nata."
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder())) as memory:
        user = await memory.create_user("alice")
        await tell(memory, user, text, "私は大阪で働いています。", "Welche Farbe hat Honig?")
        assert {said_words(content) for content in await contents(user)} == {
            text, "私は大阪で働いています。",
        }  # fmt: skip
        await search_for_pastry(user, text)


async def search_for_pastry(user: Any, text: str) -> None:
    session = await user.create_session()
    await session.add_message("user", "pastéis de nata")
    assert f"USER: {text}" in (await session.get_context()).context


async def test_what_the_assistant_said_is_no_memory_but_is_recalled(memory: Any, user: Any) -> None:
    session = await user.create_session()
    await session.add_message("user", "Which book should I read next?")
    await session.add_message("assistant", "I suggest The Left Hand of Darkness.")
    await session.process()
    await memory.wait_until_processed(timeout_s=20)
    assert await contents(user) == []
    later = await user.create_session()
    await later.add_message("user", "Which book did you suggest to me?")
    context = (await later.get_context()).context
    assert "ASSISTANT: I suggest The Left Hand of Darkness." in context


async def test_inactivity_starts_processing_and_messages_put_it_off(
    memory: Any, user: Any, clock: Clock
) -> None:
    session = await user.create_session(
        auto_process_after_seconds=600, custom_created_at_utc=datetime(2020, 1, 1, tzinfo=UTC)
    )
    never = await user.create_session(auto_process_after_seconds=None)
    await never.add_message("user", "I live in Faro.")
    await session.add_message("user", "I live in Porto.")
    clock.advance(400)
    await session.add_message("user", "I work as a nurse.")
    clock.advance(400)
    await memory.wait_until_processed(timeout_s=20)
    await session.refresh()
    assert session.status is SessionStatus.PENDING
    clock.advance(300)
    async with asyncio.timeout(20):  # a server does not say which sessions are due
        while session.status in (SessionStatus.PENDING, SessionStatus.PROCESSING):
            await asyncio.sleep(0.01)
            await session.refresh()
    await never.refresh()
    assert (session.status, never.status) == (SessionStatus.PROCESSED, SessionStatus.PENDING)


class Failing(LocalInference):
    """Fails a number of times, then works."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times
        self.order: list[str] = []

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        self.order.append(messages[0].content if messages else "")
        if self.left:
            self.left -= 1
            raise ValueError("the oracle is silent")
        return await super().extract(messages, session_date, **named)


async def test_a_failure_is_retried_and_leaves_nothing_half_done(
    path: Path, settings: Settings, clock: Clock
) -> None:
    parts = Parts(HashEmbedder(), Failing(2), clock)
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        user = await memory.create_user("alice")
        session = await tell(memory, user, "I live in Porto.")
        assert session.status is SessionStatus.PROCESSED
        assert session.failure_reason is None
        assert await contents(user) == ["User lives in Porto"]


async def test_repeated_failure_is_final_with_its_reason_until_asked_again(
    path: Path, settings: Settings, clock: Clock
) -> None:
    parts = Parts(HashEmbedder(), Failing(3), clock)
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        user = await memory.create_user("alice")
        session = await tell(memory, user, "I live in Porto.")
        assert session.status is SessionStatus.FAILED
        assert session.failure_reason == "ValueError: an unexpected error; the log has the details"
        assert await contents(user) == []
        with pytest.raises(InvalidSessionStateError, match="with status failed"):
            await session.add_message("user", "more")
        await session.process()
        await memory.wait_until_processed(timeout_s=20)
        await session.refresh()
        assert session.status is SessionStatus.PROCESSED
        assert await contents(user) == ["User lives in Porto"]


async def test_a_users_sessions_are_processed_oldest_first(
    path: Path, settings: Settings, clock: Clock
) -> None:
    inference = Failing(0)
    with_work = AsyncHitherto(
        path, settings=settings, parts=Parts(HashEmbedder(), inference, clock)
    )
    async with with_work as memory:
        user = await memory.create_user("alice")
        sessions = []
        for month in (3, 1, 2):
            session = await user.create_session(
                custom_created_at_utc=datetime(2024, month, 1, tzinfo=UTC)
            )
            await session.add_message("user", f"month {month}")
            sessions.append(session)
        # Made due within one turn of the loop, so that the worker sees all of them at once.
        await asyncio.gather(*(session.process() for session in sessions))
        await memory.wait_until_processed(timeout_s=20)
    assert sorted(inference.order[1:]) == inference.order[1:]


async def test_what_was_due_when_the_client_closed_is_done_by_the_next(
    path: Path, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        for number in range(5):
            session = user.create_session()
            session.add_message("user", f"I have {number + 2} cousins in Porto.")
            session.process()
    with Hitherto(path, settings=settings, parts=parts) as memory:
        memory.wait_until_processed(timeout_s=20)
        found = memory.get_user("alice").list_sessions(status_filter=[SessionStatus.PROCESSED])
        assert found.total == 5


async def test_two_clients_on_one_file_share_the_work(
    path: Path, settings: Settings, clock: Clock
) -> None:
    one = AsyncHitherto(path, settings=settings, parts=Parts(HashEmbedder(), None, clock))
    two = AsyncHitherto(path, settings=settings, parts=Parts(HashEmbedder(), None, clock))
    async with one, two:
        users = [await one.create_user(f"user-{number}") for number in range(4)]
        for user in users:
            for town in ("Porto", "Faro", "Braga"):
                session = await user.create_session()
                await session.add_message("user", f"I have a cousin in {town}.")
                await session.process()
        await two.wait_until_processed(timeout_s=30)
        for user in users:
            assert len(await contents(await two.get_user(user.user_id))) == 3


async def test_waiting_too_short_says_so(path: Path, settings: Settings, clock: Clock) -> None:
    class Hanging(LocalInference):
        async def extract(
            self, messages: Sequence[Message], session_date: datetime, **named: Any
        ) -> Extraction:
            await asyncio.Event().wait()
            raise AssertionError

    hanging = Settings(poll_interval_s=0.02, close_timeout_s=0)
    parts = Parts(HashEmbedder(), Hanging(), clock)
    async with AsyncHitherto(path, settings=hanging, parts=parts) as memory:
        user = await memory.create_user("alice")
        session = await user.create_session()
        await session.process()
        with pytest.raises(TimeoutError, match="still being processed"):
            await memory.wait_until_processed(timeout_s=0.1)
    # Closing released it, so that the next client need not wait for the lease to run out.
    async with AsyncHitherto(path, settings=settings, parts=Parts(HashEmbedder())) as memory:
        await memory.wait_until_processed(timeout_s=20)
        session = await (await memory.get_user("alice")).get_session(session.session_id)
        assert session.status is SessionStatus.PROCESSED


async def test_a_deleted_session_takes_its_memories_along(memory: Any, user: Any) -> None:
    await tell(memory, user, "I live in Porto.", at=datetime(2024, 1, 5, tzinfo=UTC))
    later = await tell(memory, user, "I moved to Lisbon.", at=datetime(2025, 1, 5, tzinfo=UTC))
    asking = await user.create_session()
    await asking.add_message("user", "Where do I live?")
    assert "Lisbon" in (await asking.get_context()).context
    await later.delete()
    (held,) = (await user.list_memories()).items
    assert (held.content, held.expired_at) == ("User lives in Porto", None)
    context = (await asking.get_context()).context
    assert "Lisbon" not in context
    assert "Porto" in context


async def test_a_deleted_memory_is_no_longer_recalled(memory: Any, user: Any) -> None:
    await tell(memory, user, "I am allergic to peanuts.")
    (held,) = (await user.list_memories()).items
    await user.delete_memory(held.memory_id)
    assert await contents(user) == []


async def test_a_closed_client_says_so(path: Path, settings: Settings, parts: Parts) -> None:
    memory = Hitherto(path, settings=settings, parts=parts)
    user = memory.create_user("alice")
    memory.close()
    memory.close()
    for call in (lambda: memory.get_user("alice"), user.refresh, user.create_session):
        with pytest.raises(ClosedError):
            call()
    other = AsyncHitherto(path, settings=settings, parts=parts)
    await other.get_user("alice")
    await other.close()
    await other.close()
    with pytest.raises(ClosedError):
        await other.get_user("alice")
