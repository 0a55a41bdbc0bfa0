"""People look through what is in doubt: they list it, confirm what holds, end what does not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conftest import START, Clock

from hitherto import ExpirationReason
from hitherto.errors import MemoryNotFoundError, UserNotFoundError, ValidationError

pytestmark = pytest.mark.without_sync

GYM = "User goes to a gym in Lisbon"
WORK = "User cycles to work"


async def tell(memory: Any, user: Any, text: str, at: datetime) -> None:
    session = await user.create_session(custom_created_at_utc=at)
    await session.add_message("user", text)
    await session.process()
    await memory.wait_until_processed(timeout_s=20)


@pytest.fixture
async def moved(memory: Any, user: Any) -> Any:
    """A user of whom two memories are in doubt, and a third is not."""
    await tell(memory, user, "I live in Lisbon. I go to a gym in Lisbon. I like jazz.", START)
    await tell(memory, user, "I cycle to work.", START + timedelta(days=1))
    await tell(memory, user, "I moved to Porto.", START + timedelta(days=30))
    return user


async def in_doubt(user: Any) -> dict[str, str]:
    found = (await user.list_doubtful_memories()).items
    return {one.content: one.memory_id for one in found}


async def test_what_is_in_doubt_is_listed_with_its_reason_and_in_pages(moved: Any) -> None:
    page = await moved.list_doubtful_memories()
    assert {one.content for one in page.items} == {GYM, WORK}
    assert (page.total, page.has_more) == (2, False)
    current = {one.memory_id: one for one in (await moved.list_memories()).items}
    assert all(current[one.memory_id] == one for one in page.items)
    assert page.items[0].doubt_reason == "where the user lives changed: “User moved to Porto”"
    first = await moved.list_doubtful_memories(limit=1)
    second = await moved.list_doubtful_memories(offset=1, limit=1)
    assert (first.total, first.has_more, second.has_more) == (2, True, False)
    assert [*first.items, *second.items] == page.items
    with pytest.raises(ValidationError):
        await moved.list_doubtful_memories(limit=201)


async def test_the_latest_doubt_comes_first(memory: Any, moved: Any) -> None:
    at = START + timedelta(days=31)
    await tell(memory, moved, "I work for Siemens. My boss is Helen.", at)
    await tell(memory, moved, "I was laid off from Siemens.", at + timedelta(days=9))
    found = list(await in_doubt(moved))
    assert found[0] == "User's boss is Helen"
    assert set(found[1:]) == {GYM, WORK}


async def test_confirming_a_memory_ends_its_doubt(moved: Any) -> None:
    ids = await in_doubt(moved)
    confirmed = await moved.confirm_memory(ids[GYM])
    assert (confirmed.content, confirmed.doubted_by, confirmed.doubted_at) == (GYM, None, None)
    assert confirmed == await moved.get_memory(ids[GYM])
    assert set(await in_doubt(moved)) == {WORK}
    assert await moved.confirm_memory(ids[GYM]) == confirmed
    session = await moved.create_session()
    await session.add_message("user", "Which gym in Lisbon do I go to?")
    shown = await session.get_context(recall_strategy="low_latency", memories_threshold=0.2)
    assert GYM in shown.context
    assert shown.context.count("[Doubtful since") <= 1


async def test_ending_a_memory_takes_it_out_of_lists_and_contexts_and_keeps_its_history(
    moved: Any, clock: Clock
) -> None:
    ids = await in_doubt(moved)
    ended = await moved.end_memory(ids[GYM])
    assert ended.expiration_reason is ExpirationReason.TEMPORAL_CONFLICT
    assert START < ended.expired_at <= clock.now
    assert await moved.end_memory(ids[GYM]) == ended
    assert await moved.get_memory(ids[GYM]) == ended
    assert set(await in_doubt(moved)) == {WORK}
    assert GYM not in {one.content for one in (await moved.list_memories()).items}
    session = await moved.create_session()
    await session.add_message("user", "Which gym in Lisbon do I go to?")
    shown = await session.get_context(recall_strategy="low_latency", memories_threshold=0.2)
    assert f"{GYM} (Similarity" not in shown.context
    with pytest.raises(ValidationError, match="has expired"):
        await moved.confirm_memory(ids[GYM])
    await moved.delete_memory(ids[GYM])
    with pytest.raises(MemoryNotFoundError):
        await moved.get_memory(ids[GYM])


async def test_an_ended_memory_may_be_said_anew(memory: Any, moved: Any) -> None:
    await moved.end_memory((await in_doubt(moved))[GYM])
    await tell(memory, moved, "I go to a gym in Lisbon.", START + timedelta(days=60))
    (found,) = [one for one in (await moved.list_memories()).items if one.content == GYM]
    assert (found.doubted_by, found.total_versions) == (None, 1)


async def test_what_is_not_there_is_said_to_be_missing(memory: Any, moved: Any) -> None:
    for call in (moved.confirm_memory, moved.end_memory):
        with pytest.raises(MemoryNotFoundError):
            await call("00000000-0000-0000-0000-000000000000")
    await moved.delete()
    with pytest.raises(UserNotFoundError):
        await moved.list_doubtful_memories()
