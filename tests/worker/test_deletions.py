"""Deletions while work is under way, and in the memory of other processes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from tests.conftest import Clock
from tests.databases import Location, traces
from tests.fakes import HashEmbedder
from tests.statement_models import ToldModel

from hitherto import AsyncHitherto, Parts, SessionStatus, Settings
from hitherto.api import ContextRequest
from hitherto.core.context import fence
from hitherto.core.statements import reader
from hitherto.core.text import caches, terms
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import UserNotFoundError
from hitherto.inference import LocalInference
from hitherto.models import Extraction, Message, MessageRole
from hitherto.system import System, open_system

WORD = "Quokkaville"


class PausingInference(LocalInference):
    """Inference that can pause between reading a session and answering."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.has_read = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        extraction = await super().extract(messages, session_date, **named)
        self.read.append(" ".join(message.content for message in messages))
        self.has_read.set()
        await self.may_answer.wait()
        return extraction


async def add_session(memory: AsyncHitherto, user: Any, text: str) -> Any:
    session = await user.create_session()
    await session.add_message("user", text)
    await session.process()
    return session


async def test_work_that_has_read_what_was_deleted_meanwhile_is_begun_anew(
    path: Location, settings: Settings, clock: Clock
) -> None:
    inference = PausingInference()
    parts = Parts(HashEmbedder(), inference, clock)
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        user = await memory.create_user("alice")
        await add_session(memory, user, f"I live in {WORD}.")
        await memory.wait_until_processed(timeout_s=20)
        (memory_item,) = (await user.list_memories()).items
        inference.may_answer.clear()
        inference.has_read.clear()
        session = await add_session(memory, user, f"I live in {WORD}. I have a dog called Bica.")
        await inference.has_read.wait()
        await user.delete_memory(memory_item.memory_id)
        inference.may_answer.set()
        await memory.wait_until_processed(timeout_s=20)
        await session.refresh()
        assert session.status is SessionStatus.PROCESSED
        assert inference.read[1:] == [
            f"I live in {WORD}. I have a dog called Bica.",
            "I have a dog called Bica.",
        ]
        contents = [item.content for item in (await user.list_memories()).items]
        assert contents == ["User has a dog called Bica"]
        assert traces(path, WORD) == 0


async def test_a_memory_that_stays_loses_deleted_words_before_its_own(
    path: Location, settings: Settings, clock: Clock
) -> None:
    cat, age = f"I got a cat named {WORD}.", "She is five, born on 2 May."
    model = ToldModel(cat, age, unclear=[age])
    parts = Parts(HashEmbedder(), clock=clock, statement_model=model)
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        user = await memory.create_user("alice")
        await add_session(memory, user, f"{cat} {age}")
        await memory.wait_until_processed(timeout_s=20)
        contents = {item.content: item for item in (await user.list_memories()).items}
        (staying,) = (content for content in contents if "five" in content)
        assert f'(after: "{cat}")' in staying
        (other,) = contents.keys() - {staying}
        report = await user.delete_memory(contents[other].memory_id)
        assert report.reworded_memories == 1
        (left,) = (await user.list_memories()).items
        assert left.content == staying.replace(f' (after: "{cat}")', "")
        assert traces(path, WORD) == 0


@pytest.fixture
async def systems(path: Location, clock: Clock) -> AsyncIterator[tuple[System, System]]:
    """Two processes of one database, as far as they know."""
    settings = Settings(poll_interval_s=0.02, worker=False)
    parts = Parts(HashEmbedder(), clock=clock)
    first = await open_system(path, settings, parts)
    second = await open_system(path, settings, parts)
    # Only when the test says so.
    await second.cleanup.stop()
    yield first, second
    await first.close()
    await second.close()


async def test_what_another_process_deleted_is_dropped_from_the_memory_of_this_one(
    systems: tuple[System, System],
) -> None:
    ours, others = (system.engine(DEFAULT_PROJECT_ID) for system in systems)
    tidied = systems[1]
    for name in ("alice", "bob", "carol"):
        await ours.create_user(name)
        session = await ours.create_session(name)
        await ours.add_message(name, session.session_id, MessageRole.USER, f"Where is {WORD}?")
        await others.get_context(name, session.session_id, ContextRequest())
    fence.paragraph(WORD)
    revisions = tidied.resources.index_cache.revisions()
    assert len(revisions) == 3
    await ours.delete_user("alice")
    fence.paragraph(WORD)
    assert tidied.resources.index_cache.revisions() == revisions
    await tidied.cleanup.run_once()
    assert len(tidied.resources.index_cache.revisions()) == 2
    assert fence.paragraph.cache_info().currsize == 0  # type: ignore[attr-defined]
    with pytest.raises(UserNotFoundError):
        await others.get_user("alice")


async def test_a_copy_is_kept_when_a_session_goes_that_told_nothing_yet(
    systems: tuple[System, System],
) -> None:
    api, index_cache = systems[0].engine(DEFAULT_PROJECT_ID), systems[0].resources.index_cache
    await api.create_user("alice")
    asking = await api.create_session("alice")
    await api.get_context("alice", asking.session_id, ContextRequest())
    before = index_cache.revisions()
    assert len(before) == 1
    other = await api.create_session("alice")
    await api.add_message("alice", other.session_id, MessageRole.USER, f"I live in {WORD}.")
    await api.delete_session("alice", other.session_id)
    assert index_cache.revisions() == before


def test_readings_of_texts_are_forgotten_together() -> None:
    fence.paragraph(WORD)
    terms.stem(WORD)
    reader.read(WORD)
    caches.forget_texts()
    for cached in (fence.paragraph, terms.stem, reader.read):
        assert cached.cache_info().currsize == 0  # type: ignore[attr-defined]
